"""How the next token is chosen: one frozen record per request, already valid."""

import msgspec

MAX_STOPS = 16
MAX_STOP_CHARS = 1_000
MAX_TOP_LOGPROBS = 20


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every sampling parameter of one request, resolved: no value here is "unset".

    The neutral value of each field is its default, and costs the engine nothing.
    Order of application: penalties, bias, temperature, top-k, top-p, min-p, typical-p.
    """

    temperature: float = 1.0
    """0 is greedy: the most likely token, no randomness."""
    top_k: int = 0
    """Keep the k most likely tokens; 0 keeps all."""
    top_p: float = 1.0
    """Keep the smallest set of most likely tokens whose mass reaches p (nucleus sampling,
    Holtzman et al., 2019)."""
    min_p: float = 0.0
    """Keep tokens at least this share as likely as the most likely one."""
    typical_p: float = 1.0
    """Keep the tokens nearest to the expected information content whose mass reaches p
    (locally typical sampling, Meister et al., 2022)."""
    seed: int = 0
    """Randomness is a function of (seed, choice index, position) and of nothing else."""
    repetition_penalty: float = 1.0
    """Divides positive and multiplies negative logits of tokens in the recent window
    (CTRL, Keskar et al., 2019)."""
    repetition_context_size: int = 20
    """Length of that window in tokens, prompt included."""
    frequency_penalty: float = 0.0
    """OpenAI's: subtracted once per earlier occurrence among the generated tokens."""
    presence_penalty: float = 0.0
    """OpenAI's: subtracted once if the token was generated before."""
    logit_bias: dict[int, float] = {}
    """Added to the logits of single tokens, before the temperature."""
    mirostat_mode: int = 0
    """1 or 2: how many tokens are kept follows how surprising the text has been so far (Mirostat,
    Basu et al., 2021, and its simpler second version), and top-k to typical-p are not applied."""
    mirostat_tau: float = 5.0
    """The surprise to be kept, in bits per token."""
    mirostat_eta: float = 0.1
    """How fast it is followed."""

    @property
    def greedy(self) -> bool:
        """Whether there is only ever one token to choose from."""
        return self.temperature == 0.0 or self.top_k == 1


class SamplingDefaults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the settings and a model's generation_config.json say, where a request does not;
    ``None`` where they are silent, too."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None

    def after(self, first: "SamplingDefaults") -> "SamplingDefaults":
        """What others say first, and this where they are silent."""
        said = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(first, name)) is not None
        }
        return msgspec.structs.replace(self, **said)
