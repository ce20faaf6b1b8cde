"""What to type on each camera, on a terminal.

Plain ASCII, since the output of a command ends up in all kinds of files and mails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from hotshoe.plan.model import Plan
from hotshoe.show.camera_menus import GENERIC, UNVERIFIED, Brand, Remark
from hotshoe.show.sheet import STAR, Sheet


def tables(plan: Plan, made: Iterable[Sheet]) -> Iterator[RenderableType]:
    """The sheets as tables, one after another.

    :returns: what a :class:`rich.console.Console` of any width can print
    """
    for i, sheet in enumerate(made):
        if i:
            yield Text()
        about = "" if sheet.is_generic else f", {sheet.brand.title}"
        yield Text.assemble(
            (f"Camera {sheet.setup.camera}{about}", "bold"),
            (f" (uploads to {sheet.setup.server}, {plan.hostname})", "dim"),
        )
        yield Text(_plain(f"Menu: {sheet.brand.menu} ({_origin(sheet.brand)})"), style="dim")
        yield _settings(sheet)
        yield _paragraph("What its fields must take", sheet.setup.lengths)
        told = (_told(remark, sheet.brand) for remark in sheet.brand.remarks)
        yield _paragraph("Easily missed", told)
        yield _paragraph("The network that it is in", sheet.setup.network)
        yield _paragraph("The first test", sheet.setup.first_shot)


def _settings(sheet: Sheet) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column("setting", overflow="fold", ratio=3)
    table.add_column("enter", overflow="fold", ratio=3)
    table.add_column("mind", overflow="fold", ratio=5, style="dim")
    for line in sheet.lines:
        label = line.word or str(line.setting)
        if label != line.setting:
            label += f" ({line.setting})"
        table.add_row(Text(label), Text(line.value, style="bold"), Text(_plain(line.note)))
    return table


def _paragraph(title: str, sentences: Iterable[str]) -> RenderableType:
    table = Table(
        box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left"
    )
    table.add_column(width=1)
    table.add_column(overflow="fold", ratio=1)
    for sentence in sentences:
        table.add_row("-", Text(_plain(sentence)))
    table.title = Text(title, style="bold")
    return table


def _origin(brand: Brand) -> str:
    if brand is GENERIC:
        return "names differ from camera to camera"
    if brand.source is None:
        return f"wording {UNVERIFIED}"
    return f"wording from {brand.source.title}, {brand.source.address}; with {STAR}, {UNVERIFIED}"


def _told(remark: Remark, brand: Brand) -> str:
    source = remark.source
    if source is None:
        return f"{remark.text} ({UNVERIFIED})"
    same = source == brand.source
    return f"{remark.text} ({'the same source' if same else f'{source.title}, {source.address}'})"


def _plain(text: str) -> str:
    return text.translate({ord("“"): '"', ord("”"): '"'})
