"""Tools as clients write them → ``core.tools``.

Both forms of a definition are taken: OpenAI's, nested in ``function``, and FastMLX's flat one.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from pippin.api.fields import at_most
from pippin.api.schemas import Schema, check_size, of_an_object
from pippin.api.validation import TAG_PREFIX, Body, disagreement, unsupported_part
from pippin.core.tools import MAX_TOOLS, Tool, ToolUse

ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.:/-]{1,64}$")]
"""OpenAI's pattern, and the separators that names of MCP servers' tools have."""
Parameters = Annotated[Schema, AfterValidator(of_an_object)]


class ToolFunction(Body):
    """What a model is told of a function."""

    name: ToolName
    description: str | None = None
    """What it does and when to call it."""
    parameters: Parameters | None = None
    """The JSON schema of its arguments, an object's. Not given: it takes any object."""
    strict: bool | None = None
    """``false``: keywords of ``parameters`` that cannot be enforced are left out. Otherwise they
    are refused; all others are enforced always."""

    def meaning(self) -> Tool:
        return Tool(
            name=self.name,
            description=self.description,
            parameters=self.parameters or {},
            strict=self.strict,
        )


class FlatTool(ToolFunction):
    """FastMLX's form: the function itself is the entry."""

    type: Literal["function"] = "function"


class NestedTool(Body):
    """OpenAI's form."""

    type: Literal["function"] = "function"
    function: ToolFunction

    def meaning(self) -> Tool:
        return self.function.meaning()


NESTED, FLAT, WORD = f"{TAG_PREFIX}nested", f"{TAG_PREFIX}flat", f"{TAG_PREFIX}word"


def _form(value: object) -> str | None:
    if isinstance(value, str):
        return WORD
    if not isinstance(value, dict):
        return None
    return NESTED if "function" in value else FLAT


def _functions_only(value: Any) -> Any:
    if isinstance(value, dict) and value.get("type", "function") != "function":
        raise unsupported_part("its type must be 'function'.")
    return value


Definition = Annotated[
    Annotated[NestedTool, Tag(NESTED)] | Annotated[FlatTool, Tag(FLAT)],
    Discriminator(
        _form, custom_error_type="pippin_tool", custom_error_message="must be an object."
    ),
    BeforeValidator(_functions_only),
]
Tools = Annotated[
    list[Definition], Field(fail_fast=True), BeforeValidator(check_size), at_most(MAX_TOOLS)
]


class NamedFunction(Body):
    name: ToolName


class FlatChoice(Body):
    type: Literal["function"]
    name: ToolName

    @property
    def chosen(self) -> tuple[str, str]:
        return "tool_choice.name", self.name


class NestedChoice(Body):
    type: Literal["function"]
    function: NamedFunction

    @property
    def chosen(self) -> tuple[str, str]:
        """The path of the name's field, and the name."""
        return "tool_choice.function.name", self.function.name


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag(WORD)]
    | Annotated[NestedChoice, Tag(NESTED)]
    | Annotated[FlatChoice, Tag(FLAT)],
    Discriminator(
        _form,
        custom_error_type="pippin_tool_choice",
        custom_error_message="must be 'none', 'auto', 'required', or name a function.",
    ),
]


class ToolFields(Body):
    """The fields of a chat body that offer tools."""

    tools: Tools | None = None
    """What the model may call: OpenAI's nested form, or ``name`` and ``parameters`` directly."""
    tool_choice: ToolChoice | None = None
    """``none``: the tools are not shown to the model. ``auto``, the default: it may call them.
    ``required``: it must. A named function: it must call that one, once."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may call several tools. True if not given."""

    def check_agreement(self) -> None:
        super().check_agreement()
        names: set[str] = set()
        for i, tool in enumerate(self.tools or ()):
            name = tool.meaning().name
            if name in names:
                path = "function.name" if isinstance(tool, NestedTool) else "name"
                raise disagreement(
                    f"tools[{i}].{path}", f"tools has two functions of the name {name!r}."
                )
            names.add(name)
        self._check_choice(names)

    def _check_choice(self, names: set[str]) -> None:
        choice = self.tool_choice
        if choice in (None, "none", "auto"):
            return
        if not names:
            raise disagreement("tool_choice", "tool_choice needs tools to choose from.")
        if isinstance(choice, NestedChoice | FlatChoice):
            param, name = choice.chosen
            if name not in names:
                raise disagreement(param, f"{param} must be one of the names in tools.")

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools that the model is shown."""
        if self.tool_choice == "none":
            return ()
        return tuple(tool.meaning() for tool in self.tools or ())

    @property
    def tool_use(self) -> ToolUse | None:
        """How the answer may use them; ``None``: there are none, or it may not."""
        if not self.tools or self.tool_choice == "none":
            return None
        parallel = self.parallel_tool_calls is not False
        if isinstance(self.tool_choice, NestedChoice | FlatChoice):
            return ToolUse(mode="required", only=self.tool_choice.chosen[1], parallel=False)
        return ToolUse(mode=self.tool_choice or "auto", parallel=parallel)
