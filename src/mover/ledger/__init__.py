"""The durable state of every move: pairs, runs, items, what arrived, and what is half sent."""
