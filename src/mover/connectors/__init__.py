"""Services: the contract that each one's code fulfils, the registry, and a package for each service."""
