"""The dialogs: what is to run, shown before it acts; and the help."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from falcon_ctl.errors import CtlError
from falcon_ctl.steering.choice import Choice
from falcon_ctl.watch_screen.board import Board, Palette
from falcon_ctl.watch_screen.choices import Question, listed, remark
from falcon_ctl.watch_screen.spans import Row
from rxpath.errors import RxPathError
from rxpath.policies import custom

LONGEST = 14  # rows of options


class Ask(ModalScreen[Choice | None]):
    """Pick by arrow keys or typing; Enter acts, Escape does not. Returns the choice, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "cancel"),
        Binding("up", "move(-1)", "up", priority=True),
        Binding("down", "move(1)", "down", priority=True),
        Binding("pageup", "move(-10)", "page up", priority=True),
        Binding("pagedown", "move(10)", "page down", priority=True),
    ]

    def __init__(self, question: Question, current: str, palette: Palette) -> None:
        super().__init__()
        self._question = question
        self._current = current
        # Kept and not looked up: while the app ends, a dialog may be mounted without its parts.
        self._input = Input(id="typed", compact=True)
        self._options = Board(palette)
        self._preview = Static("", id="preview", markup=False)
        self._values: list[str] = []
        self._at = 0

    def compose(self) -> ComposeResult:
        """Title, text, list, and what the choice would do."""
        with Vertical(id="dialog"):
            title = f"{self._question.title}: type or use the arrows, {self._question.free}"
            yield Static(title, id="asked", markup=False)
            yield self._input
            yield self._options
            yield self._preview
            yield Static("Enter runs it, Esc leaves all as it is", id="keys", markup=False)

    def on_mount(self) -> None:
        """Show all options, with what runs now marked."""
        self._options.styles.height = min(len(self._question.options), LONGEST)
        self._input.focus()
        self._fill("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        chosen, _ = self._chosen()
        if chosen is not None:
            self.dismiss(chosen)

    @on(Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._show)

    def action_move(self, step: int) -> None:
        """Mark another option."""
        self._at = min(max(self._at + step, 0), max(0, len(self._values) - 1))
        self._show()

    def _fill(self, typed: str) -> None:
        self._values = self._question.candidates(typed)
        shows_all = not typed.strip() and self._current in self._values
        self._at = self._values.index(self._current) if shows_all else 0
        self._show()

    def _show(self) -> None:
        """The options in sight, and what the marked one would do or why it cannot."""
        height = self._options.size.height or LONGEST
        self._options.show(listed(self._question, self._values, self._at, height))
        chosen, error = self._chosen()
        if chosen is None:
            shown = Text(error, "bold red")
        else:
            note = remark(chosen)
            shown = Text(f"{chosen.command()}{f'  ({note})' if note else ''}", "bold")
        self._preview.update(shown)

    def _chosen(self) -> tuple[Choice | None, str]:
        """The choice that is marked, or None and why there is none."""
        if not self._values:
            return None, f"no such {self._question.title.lower()}; {self._question.free}"
        try:
            chosen = self._question.choose(self._values[self._at])
            if chosen.policy is None or custom.SUFFIX not in chosen.policy:
                chosen.resolve()  # own files are read when it acts
        except (CtlError, RxPathError, ValueError) as error:
            return None, str(error)
        return chosen, ""


class Pages(ModalScreen[None]):
    """Rows to read, scrolled where the terminal is low; Escape closes them.

    Args:
        rows: all of them.
        at_end: begin with the last ones.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,h,e,enter,space", "dismiss", "close"),
        Binding("up,k", "scroll(-1)", "up"),
        Binding("down,j", "scroll(1)", "down"),
        Binding("pageup", "scroll(-10)", "page up"),
        Binding("pagedown", "scroll(10)", "page down"),
    ]

    def __init__(self, palette: Palette, rows: list[Row], *, at_end: bool = False) -> None:
        super().__init__()
        self._board = Board(palette, rows)
        self._board.styles.height = len(rows)
        self._scroll = VerticalScroll(self._board, id="pages")
        self._at_end = at_end

    def compose(self) -> ComposeResult:
        """The rows."""
        yield self._scroll

    def on_mount(self) -> None:
        """Show the last ones, where those are wanted."""
        if self._at_end:
            self._scroll.scroll_end(animate=False)

    def action_scroll(self, step: int) -> None:
        """A line up or down."""
        self._scroll.scroll_relative(y=step, animate=False)
