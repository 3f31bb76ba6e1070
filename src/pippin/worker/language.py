"""What a worker knows of its model's words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from tokenizers import Tokenizer

from pippin.core.request import ChatPrompt, GenerationRequest, TextPrompt
from pippin.core.tools import Tool, ToolUse
from pippin.engine.constraints.compiler import Compiler
from pippin.engine.constraints.guide import Form
from pippin.engine.constraints.marks import Marks
from pippin.engine.constraints.meter import ThinkingLimit
from pippin.engine.constraints.schemas.source import loosened
from pippin.engine.constraints.vocabulary import constraint_tokenizer
from pippin.errors import InvalidRequest, UnsupportedParameter
from pippin.output.families.grammar import answer_grammar
from pippin.output.families.schemas import arguments_schema
from pippin.output.families.table import choose
from pippin.output.manner import Manner, thinking_marks
from pippin.output.pieces import Scanner
from pippin.output.thinking import Thinking
from pippin.output.vocabulary import Vocabulary
from pippin.prompt.encoder import PromptEncoder
from pippin.prompt.template import ChatTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Immutable, but for what the compiler remembers; for the text threads and the event loop."""

    encoder: PromptEncoder
    vocabulary: Vocabulary
    manner: Manner
    compiler: Compiler | None
    """``None``: the model has no token that ends a text, and so nothing can be enforced."""
    eos: frozenset[int]

    def thinking(self, request: GenerationRequest, tail: str) -> Thinking | None:
        """How the answer to a request, whose prompt ends with ``tail``, may begin."""
        if not isinstance(request.prompt, ChatPrompt):
            return None
        last = request.prompt.messages[-1]
        return self.manner.thinking(tail, last.content if last.role == "assistant" else None)

    def form(self, request: GenerationRequest, thinking: Thinking | None) -> Form | None:
        """What the answer must look like, compiled. ``None``: anything goes.

        Raises:
            InvalidRequest: it is wrong, too large, or cannot be enforced.
        """
        constraint, use = request.constraint, request.tool_use
        if use or (constraint and self._in_channels(request)):
            tools = offered_tools(request)
            return self._compiler("tools").compile_lark(
                msgspec.json.encode((tools, use)),
                lambda: self._grammar(tools, use, "@form" if constraint else ""),
                "tools",
                form=constraint,
                thinking=thinking,
            )
        if constraint:
            return self._compiler(constraint.param).compile(constraint, thinking)
        return None

    def _grammar(self, tools: Sequence[Tool], use: ToolUse | None, form: str) -> str:
        mark = Marks(self.vocabulary.split)
        enforced = [loose(tool) if tool.strict is False else tool for tool in tools]
        for i, tool in enumerate(enforced):
            mark.json(arguments_schema(tool), f"tools[{i}]")  # so that an error names the tool
        family = self.manner.family
        rules = family.rules(callable_tools(enforced, use), mark)
        return answer_grammar(rules, use, mark, form, family.marks)

    def _in_channels(self, request: GenerationRequest) -> bool:
        return self.manner.in_channels and isinstance(request.prompt, ChatPrompt)

    def _compiler(self, param: str) -> Compiler:
        if self.compiler is None:
            raise InvalidRequest(
                "This model does not say how a text ends, so the form of its answers cannot be "
                "enforced.",
                param,
            )
        return self.compiler

    def thinking_limit(
        self, request: GenerationRequest, thinking: Thinking | None
    ) -> ThinkingLimit | None:
        """Raises ``UnsupportedParameter``: this model's thinking has no marks that could end it."""
        if request.thinking_budget is None:
            return None
        if self.manner.marks is None:
            raise UnsupportedParameter(
                "thinking_budget: this model does not mark its thinking.", "thinking_budget"
            )
        if thinking is None:
            return None
        # With the gap that templates have behind it: so the model knows that its answer is next.
        close = TextPrompt(text=f"\n{thinking.marks.close}\n\n")
        return ThinkingLimit(
            request.thinking_budget,
            thinking,
            self.encoder.encode(close, add_special_tokens=False),
            self.vocabulary.bytes_of,
        )

    def scanner(self, request: GenerationRequest, thinking: Thinking | None) -> Scanner:
        """Of one choice's text."""
        use = request.tool_use
        if use is None and not self._in_channels(request):
            return self.manner.text_scanner(thinking)
        tools = callable_tools(offered_tools(request), use)
        return self.manner.scanner(tools, thinking, enforced=use is not None)


def loose(tool: Tool) -> Tool:
    """The tool without what cannot be enforced of its schema."""
    parameters = json.loads(loosened(json.dumps(tool.parameters)))
    return msgspec.structs.replace(tool, parameters=parameters)


def offered_tools(request: GenerationRequest) -> tuple[Tool, ...]:
    """The tools that the prompt tells of."""
    return request.prompt.tools if isinstance(request.prompt, ChatPrompt) else ()


def callable_tools(tools: Sequence[Tool], use: ToolUse | None) -> tuple[Tool, ...]:
    """Of these tools, the ones that an answer may call."""
    if use is None:
        return ()
    return tuple(tool for tool in tools if use.only in (None, tool.name))


def language_of(
    tokenizer: Tokenizer,
    template: ChatTemplate | None,
    *,
    vocab_size: int,
    eos: frozenset[int],
    tool_parser: str = "",
) -> Language:
    """``vocab_size``: width of the logits. ``tool_parser``: the name of a family; empty: by the
    template's own words. Takes about a second for a large vocabulary.

    Raises:
        UnknownFamily: there is none of that name.
        UnknownTokenizer: what its tokens stand for is not known.
    """
    vocabulary = Vocabulary(tokenizer)
    source = template.source if template else None
    family = choose(source, tool_parser or None)
    return Language(
        encoder=PromptEncoder(tokenizer, template, eos),
        vocabulary=vocabulary,
        manner=Manner(family, thinking_marks(source), vocabulary),
        compiler=_compiler_for(tokenizer, vocabulary, vocab_size, eos) if eos else None,
        eos=eos,
    )


def _compiler_for(
    tokenizer: Tokenizer, vocabulary: Vocabulary, vocab_size: int, eos: frozenset[int]
) -> Compiler:
    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.encode_special_tokens = True

    def encode(text: str) -> list[int]:
        ids: list[int] = plain.encode(text, add_special_tokens=False).ids
        return ids

    return Compiler(constraint_tokenizer(vocabulary, vocab_size, eos, encode))
