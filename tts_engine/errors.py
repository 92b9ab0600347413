"""Everything the engine raises.

TTSError
├── InputError
│   ├── EmptyTextError
│   ├── TextTooLongError
│   ├── UnreadableTextError
│   ├── UnknownVoiceError
│   ├── OptionError
│   ├── CloningUnavailableError
│   ├── EmotionUnavailableError
│   ├── BadClipError
│   ├── BadVoiceError
│   ├── ConsentRequiredError
│   ├── MarkError
│   └── SSMLError
├── CheckpointError
│   └── LexiconError
└── SynthesisError
    ├── EngineBusyError
    └── DeadlineExceededError
"""

from __future__ import annotations


class TTSError(Exception):
    """Base of all engine errors; ``code`` is stable and machine-readable, ``str()`` is Chinese."""

    code = "tts_error"


class InputError(TTSError):
    """The caller can fix it by sending something else."""

    code = "bad_input"


class EmptyTextError(InputError):
    """There is nothing to say: no text, white space, or only silent symbols."""

    code = "empty_text"

    def __init__(self, detail: str = "文本为空：请输入至少一个可以朗读的字符。") -> None:
        super().__init__(detail)


class TextTooLongError(InputError):
    """The text has more characters than one call accepts."""

    code = "text_too_long"

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"文本共 {length} 个字符，一次最多 {limit} 个：请分段发送。")
        self.length = length
        self.limit = limit


class UnreadableTextError(InputError):
    """A word is in a script that the front end cannot read."""

    code = "unreadable_text"

    def __init__(self, word: str, begin: int, end: int) -> None:
        super().__init__(f"第 {begin + 1} 个字符起的“{word}”无法朗读：请改写为中文或英文。")
        self.word = word
        self.begin = begin
        self.end = end


class UnknownVoiceError(InputError):
    """No voice has this name."""

    code = "unknown_voice"

    def __init__(self, voice: str, known: tuple[str, ...]) -> None:
        super().__init__(f"没有名为“{voice[:40]}”的音色：可用的有 {'、'.join(known)}。")
        self.voice = voice
        self.known = known


class OptionError(InputError):
    """An option is of the wrong type or outside its range."""

    code = "bad_option"

    def __init__(self, option: str, detail: str) -> None:
        super().__init__(f"参数 {option} 有误：{detail}")
        self.option = option


class CloningUnavailableError(InputError):
    """A reference clip was given, but this model has no speaker encoder."""

    code = "cloning_unavailable"

    def __init__(self) -> None:
        super().__init__("当前模型还不能用参考音频克隆音色：请去掉参考音频，改选内置音色。")


class EmotionUnavailableError(InputError):
    """An emotion was asked for that this model has not learnt."""

    code = "emotion_unavailable"

    def __init__(self, emotion: str, known: tuple[str, ...]) -> None:
        what = f"可用的有 {'、'.join(known)}" if len(known) > 1 else "当前模型只会平静地说"
        super().__init__(f"没有名为“{emotion[:40]}”的情感：{what}。")
        self.emotion = emotion
        self.known = known


class BadClipError(InputError):
    """No voice can be copied from this clip."""

    code = "bad_clip"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        """``size``, ``format``, ``short``, ``long``, ``silent``, ``clipped``, ``no_voice`` or ``music``."""


class BadVoiceError(InputError):
    """A voice file is damaged, of another model, or its name is taken or unknown."""

    code = "bad_voice"


class ConsentRequiredError(InputError):
    """A voice may be kept only with the recorded consent of whose voice it is."""

    code = "consent_required"

    def __init__(self) -> None:
        super().__init__("缺少授权：请填写声音的主人、用途和授权声明，并确认本人同意。")


class MarkError(InputError):
    """A mark in the text that looks like ours and is not right."""

    code = "bad_mark"

    def __init__(self, mark: str, begin: int, detail: str) -> None:
        super().__init__(f"第 {begin + 1} 个字符起的“{mark[:40]}”有误：{detail}")
        self.begin = begin


class SSMLError(InputError):
    """The SSML is not right; ``line`` and ``column`` count from 1."""

    code = "bad_ssml"

    def __init__(self, detail: str, line: int, column: int) -> None:
        super().__init__(f"SSML 第 {line} 行第 {column} 列：{detail}")
        self.line = line
        self.column = column


class CheckpointError(TTSError):
    """The model's files are missing, damaged or do not fit together."""

    code = "bad_checkpoint"


class LexiconError(CheckpointError):
    """The user's lexicon is not right; names the line."""

    code = "bad_lexicon"


class SynthesisError(TTSError):
    """The networks failed on a valid request."""

    code = "synthesis_failed"


class EngineBusyError(SynthesisError):
    """The queue is full; try again after ``retry_after_s``."""

    code = "engine_busy"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"合成队列已满：请在 {retry_after_s} 秒后重试。")
        self.retry_after_s = retry_after_s


class DeadlineExceededError(SynthesisError):
    """The caller's deadline passed before the work was done."""

    code = "deadline_exceeded"

    def __init__(self) -> None:
        super().__init__("请求已超过时限，未再继续合成。")
