"""What Mover tells others by itself: signed webhooks, and mail about runs. Both go through an outbox in the database."""
