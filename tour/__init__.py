"""`make tour`: the main job of the command line on three real servers, in two minutes."""
