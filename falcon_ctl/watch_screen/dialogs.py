"""The dialogs: what is to run, shown before it acts; and the help."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from falcon_ctl.errors import CtlError
from falcon_ctl.steering.choice import Choice
from falcon_ctl.watch_screen.board import Board, Palette
from falcon_ctl.watch_screen.choosing import Question, remark
from falcon_ctl.watch_screen.helping import help_rows
from rxpath.errors import RxPathError
from rxpath.policies import custom

_NAME = 20  # columns of an option's value


class Ask(ModalScreen[Choice | None]):
    """Pick by arrow keys or typing; Enter acts, Escape does not. Returns the choice, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel"),
        Binding("up", "move(-1)", "up", priority=True),
        Binding("down", "move(1)", "down", priority=True),
    ]

    def __init__(self, question: Question, current: str) -> None:
        super().__init__()
        self._question = question
        self._current = current
        self._values: list[str] = []

    def compose(self) -> ComposeResult:
        """Title, text, list, and what the choice would do."""
        with Vertical(id="dialog"):
            title = f"{self._question.title}: type or use the arrows, {self._question.free}"
            yield Static(title, id="asked", markup=False)
            yield Input(id="typed", compact=True)
            yield OptionList(id="options", markup=False, compact=True)
            yield Static("", id="preview", markup=False)
            yield Static("Enter runs it, Esc leaves all as it is", id="keys", markup=False)

    def on_mount(self) -> None:
        """Show all options, with what runs now highlighted."""
        self.query_one(OptionList).can_focus = False
        self.query_one(Input).focus()
        self._fill("")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._preview()

    @on(Input.Submitted)
    def _entered(self) -> None:
        chosen, error = self._chosen()
        if chosen is None:
            self._say(error, bad=True)
        else:
            self.dismiss(chosen)

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    def action_move(self, step: int) -> None:
        """Highlight another option."""
        options = self.query_one(OptionList)
        if options.option_count:
            at = 0 if options.highlighted is None else options.highlighted + step
            options.highlighted = min(max(at, 0), options.option_count - 1)

    def _fill(self, typed: str) -> None:
        self._values = self._question.candidates(typed)
        options = self.query_one(OptionList)
        options.clear_options()
        hints = self._question.options
        options.add_options(
            Option(f"{value:<{_NAME}} {hints.get(value, '')}".rstrip()) for value in self._values
        )
        shows_all = not typed.strip() and self._current in self._values
        here = self._values.index(self._current) if shows_all else 0
        options.highlighted = here if self._values else None
        self._preview()

    def _chosen(self) -> tuple[Choice | None, str]:
        """The choice that is highlighted, or None and why there is none."""
        at = self.query_one(OptionList).highlighted
        if at is None or at >= len(self._values):
            return None, f"no such {self._question.title.lower()}; {self._question.free}"
        try:
            chosen = self._question.choose(self._values[at])
            if chosen.policy is None or custom.SUFFIX not in chosen.policy:
                chosen.resolve()  # own files are read when it acts
        except (CtlError, RxPathError, ValueError) as error:
            return None, str(error)
        return chosen, ""

    def _preview(self) -> None:
        chosen, error = self._chosen()
        if chosen is None:
            self._say(error, bad=True)
            return
        note = remark(chosen)
        self._say(f"{chosen.command()}{f'  ({note})' if note else ''}", bad=False)

    def _say(self, what: str, *, bad: bool) -> None:
        self.query_one("#preview", Static).update(Text(what, "bold red" if bad else "bold"))


class Help(ModalScreen[None]):
    """Keys, letters, columns; Escape or ? closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,h,enter,space", "dismiss", "close"),
        Binding("up,k", "scroll(-1)", "up"),
        Binding("down,j", "scroll(1)", "down"),
    ]

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._board = Board(palette, help_rows())

    def compose(self) -> ComposeResult:
        """The rows, scrolled where the terminal is low."""
        self._board.styles.height = len(help_rows())
        with VerticalScroll(id="help"):
            yield self._board

    def action_scroll(self, step: int) -> None:
        """A line up or down."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)
