"""`make demo`: the main job of Mover on three real servers, in two minutes."""
