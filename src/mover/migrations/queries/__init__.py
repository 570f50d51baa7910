"""What the migrations ask of the database, by subject; everything is bounded by an organisation."""
