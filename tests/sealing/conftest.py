from __future__ import annotations

import pytest
from tests.sealing.keys import Keys, make_keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Pairs of keys of each kind."""
    return make_keys(tmp_path_factory.mktemp("keys"))
