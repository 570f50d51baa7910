"""`python -m mover`: the same as the `mover` command."""

from mover.cli.main import main

if __name__ == "__main__":
    main()
