"""What is handed to others: the wheel and the source distribution, the list of all parts (SBOM), and their licences.

dependencies.py  what the lock says is installed with Mover, and what each part says of itself
licences.py      under which licences; which are allowed; the list that the credits page shows
sbom.py          a CycloneDX bill of materials of the locked dependencies
dist.py          builds wheel and source distribution so that two builds are the same to the bit
"""
