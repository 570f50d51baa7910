"""Templates to text. Every value is escaped, and cleaned of what would hide or turn the text around it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from mover.connectors.registry import connector_type
from mover.sealing.limits import DOES_NOT_APPLY
from mover.web import spelling, words
from mover.web.assets import Assets
from mover.web.code_words import code_advice
from mover.web.forms import capitalised
from mover.web.frame import Frame
from mover.web.service_needs import service_needs
from mover.web.visible import visible, visible_name

_BREAKS = re.compile(r"(?<=/)(?=[^/])|(?=@)")


class Renderer:
    """Renders templates of this package.

    Args:
        assets: Static files that pages refer to.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, assets: Assets, now: Callable[[], float] = time.time) -> None:
        self._environment = _environment(assets, now)

    def render(self, template: str, frame: Frame, **context: Any) -> str:
        """Render a page or a part of one."""
        return self._environment.get_template(template).render(frame=frame, **context)


def exact(text: object) -> Markup:
    """For the value of a field, which comes back as it is: escaped, and not made visible. Half pairs are replaced."""
    return escape(str(text).encode("utf-8", "replace").decode("utf-8"))


def path(text: str) -> Markup:
    """A path or an address of a person, which a narrow column breaks after a `/` or before an `@` where it can."""
    return Markup("<wbr>").join(_BREAKS.split(visible_name(text)))


def _finalize(value: object) -> object:
    """Of everything that a template prints: text from outside is made visible, markup of ours stays as it is."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(value)


def _environment(assets: Assets, now: Callable[[], float]) -> Environment:
    environment = Environment(
        loader=PackageLoader("mover.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.url
    environment.globals["does_not_apply"] = DOES_NOT_APPLY
    environment.globals["now_ns"] = lambda: int(now() * 1_000_000_000)
    environment.filters |= {
        "exact": exact,
        "name": visible_name,
        "path": path,
        "number": spelling.number,
        "size": spelling.size,
        "rate": spelling.rate,
        "duration": spelling.duration,
        "counted": spelling.counted,
        "date_and_time": spelling.date_and_time,
        "iso": lambda at_ns: spelling.moment(at_ns).isoformat(),
        "ago": lambda at_ns: spelling.ago(at_ns, int(now() * 1_000_000_000)),
        "sentence": capitalised,
        "pair_of_name": lambda thing: (thing.id, thing.name),
        "initials": words.initials,
        "tone": words.tone,
        "status_icon": words.status_icon,
        "service_icon": words.service_icon,
        "service_needs": service_needs,
        "service_title": lambda service: connector_type(service).title,
        "role_word": words.role_word,
        "permission_word": words.permission_word,
        "action_word": words.action_word,
        "reason_word": words.reason_word,
        "code_advice": code_advice,
        "item_state_word": words.item_state_word,
        "grant_state_word": words.grant_state_word,
        "trigger_word": words.trigger_word,
        "mode_word": words.mode_word,
        "device": words.device,
        "verification_word": words.verification_word,
        "for_service": words.for_service,
    }
    return environment
