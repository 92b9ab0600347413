"""SSML → a script. Strict: no entities, no document types, nothing external, everything bounded.

    speak   p s   break   phoneme   say-as   sub   prosody   emphasis   voice   mstts:express-as

Errors name line and column and say what to write. What is well formed and not supported is an error, or, by
``Markup.on_unsupported``, a warning. Positions are those of the SSML source itself.

Source: W3C Speech Synthesis Markup Language 1.1; ``mstts:express-as`` as in Azure's documentation.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn
from xml.sax import SAXParseException, xmlreader
from xml.sax.handler import ContentHandler

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from tts_engine.errors import SSMLError
from tts_engine.frontend import inline, ipa, manner, say_as
from tts_engine.frontend.characters import is_han
from tts_engine.frontend.reading import NEUTRAL, PLAIN, Notice, Prosody, Style
from tts_engine.frontend.script import Fixed, Override, Script, ScriptWriter, aligned, moved, syllables

MAX_DEPTH = 32
MAX_ELEMENTS = 20_000
MAX_ATTRIBUTES = 16
MAX_ATTRIBUTE_CHARS = 1000
"""Of one value."""
MAX_TAG_CHARS = 4096
"""Of one tag as it is written."""

EMOTIONS = ("neutral", "happy", "angry", "sad", "afraid", "surprised", "gentle")
STYLES = {
    "neutral": "neutral", "default": "neutral", "happy": "happy", "cheerful": "happy", "excited": "happy",
    "angry": "angry", "disgruntled": "angry", "sad": "sad", "depressed": "sad", "afraid": "afraid", "fearful": "afraid",
    "fear": "afraid", "terrified": "afraid", "surprised": "surprised", "gentle": "gentle", "calm": "gentle",
    "affectionate": "gentle", "soft": "gentle", "喜": "happy", "高兴": "happy", "怒": "angry", "生气": "angry",
    "哀": "sad", "悲伤": "sad", "惧": "afraid", "害怕": "afraid", "惊讶": "surprised", "温柔": "gentle",
    "中性": "neutral",
}  # fmt: skip
"""Names of a style → our emotion."""


@dataclass(frozen=True)
class Markup:
    """Whether the text is SSML, and what the engine behind can do."""

    ssml: bool = False
    on_unsupported: str = "error"
    """``error`` or ``warn``: what becomes of an element, attribute or style that is not supported."""
    voices: tuple[str, ...] | None = None
    """Names that ``voice`` may have; None takes any."""
    emotions: tuple[str, ...] | None = None
    """Feelings that the model has; None takes any."""


INLINE = Markup()


@dataclass(frozen=True)
class _Frame:
    """An open element and what it changed."""

    tag: str
    begin: int
    prosody: Prosody
    style: Style
    attributes: dict[str, str]
    text: int = 0
    """Where its content begins in the script."""


def parse(source: str, markup: Markup) -> Script:
    """The script of an SSML document.

    Raises:
        SSMLError: with the place of what is not right.
        MarkError: an inline mark in it is not right.
    """
    _check_tags(source)
    reader = _Reader(source, markup)
    try:
        data = source.encode("utf-8")
    except UnicodeEncodeError as error:
        reader.fail("不成对的代理码位，请检查编码。", error.start)
    reader.parser.length = len(data)
    document = xmlreader.InputSource()
    document.setByteStream(io.BytesIO(data))
    document.setEncoding("utf-8")  # whatever the document declares: it came as text
    try:
        reader.parser.parse(document)
    except DefusedXmlException:
        reader.fail("不允许 <!DOCTYPE>、实体定义和外部引用，请删去。")
    except SAXParseException as error:
        reader.fail(_explained(error.getMessage(), source))
    except UnicodeError:
        reader.fail("不是合法的文本，请检查编码。")
    return reader.writer.script()


def _check_tags(source: str) -> None:
    """No tag longer than a tag needs to be: the parser would hold it whole before anybody saw it."""
    for match in re.finditer(rf"<(?!!)[^>]{{{MAX_TAG_CHARS}}}", source):
        detail = f"这个标记超过 {MAX_TAG_CHARS} 个字符：请缩短属性，或补上漏写的 >。"
        raise SSMLError(detail, *_line_column(source, match.start()))


def _line_column(source: str, offset: int) -> tuple[int, int]:
    return source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset)


def _explained(message: str, source: str) -> str:
    for sign, said in (
        ("no element found", "到结尾还有标记没有写完：每个标记都要有结束标记，例如 </speak>。"),
        ("unclosed token", "这个标记没有写完，请补上 >。"),
        ("mismatched tag", "结束标记与最近的开始标记不配对，请检查嵌套。"),
        ("duplicate attribute", "同一个属性写了两次，请删去一处。"),
        ("undefined entity", "不认识的实体：只可用 &amp; &lt; &gt; &quot; &apos; 与 &#数字;。"),
        ("junk after document", "</speak> 之后不能再有内容。"),
        ("syntax error", "应以 <speak> 开头。"),
        ("XML or text declaration", "<?xml …?> 只能在最前面。"),
        ("invalid token", "这里不是合法的 XML：文字里的 & 与 < 要写成 &amp; 与 &lt;，属性值要加引号。"),
    ):
        if sign in message:
            return said if source.strip() else "内容为空：应以 <speak> 开头。"
    return f"不是合法的 XML（{message[:60]}），请检查标记。"


class _Parser(DefusedExpatParser):
    """Tells where each event begins."""

    length = 0
    """Bytes of the document."""

    def reset(self) -> None:
        super().reset()
        self._parser.buffer_text = False  # type: ignore[attr-defined]  # each event of text with its own place

    @property
    def byte(self) -> int:
        """Of the document, where the event begins or the error is."""
        place = getattr(self._parser, "CurrentByteIndex", None)  # type: ignore[attr-defined]  # none at the end
        return self.length if place is None else max(0, int(place))


class _Places:
    """Bytes of the document → characters of the source; asked in order, answered in one pass."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._byte = self._character = 0

    def character(self, byte: int) -> int:
        if byte < self._byte:
            self._byte = self._character = 0
        while self._byte < byte and self._character < len(self._source):
            code = ord(self._source[self._character])
            self._byte += 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
            self._character += 1
        return self._character


_REFERENCE = re.compile(r"&(?:#\d{1,8}|#x[0-9A-Fa-f]{1,8}|amp|lt|gt|quot|apos);")
_BLANKS = re.compile(r"\s+")
_ENDS = frozenset("。！？!?.…；;\n：:，,、")


class _Reader(ContentHandler):
    """Events of one document → a script."""

    def __init__(self, source: str, markup: Markup) -> None:
        super().__init__()
        self.source = source
        self.markup = markup
        self.writer = ScriptWriter(source)
        self.parser = _Parser(forbid_dtd=True, forbid_entities=True, forbid_external=True)
        self.parser.setContentHandler(self)
        self._places = _Places(source)
        self._frames: list[_Frame] = []
        self._elements = 0
        self._paused_ms = 0
        self._held: list[str] = []
        """Text of the stretch since the last tag, and where each character begins and ends."""
        self._held_places: list[tuple[int, int]] = []

    @property
    def here(self) -> int:
        """Index in the source of what is being read."""
        return self._places.character(self.parser.byte)

    def fail(self, detail: str, at: int | None = None) -> NoReturn:
        """Raise for the place ``at``, else for what is being read."""
        raise SSMLError(detail, *_line_column(self.source, self.here if at is None else at)) from None

    def startElement(self, name: str, attrs: xmlreader.AttributesImpl) -> None:  # noqa: N802  # SAX's name
        """Open an element."""
        self._flush()
        begin = self.here
        attributes = {str(key): str(attrs.getValue(key)) for key in attrs.getNames()}
        self._check(name, attributes)
        outer = self._frames[-1] if self._frames else _Frame("", 0, NEUTRAL, PLAIN, {})
        frame = _Frame(name, begin, outer.prosody, outer.style, attributes, self.writer.position)
        tag = name if name in _TAGS else ""
        self._frames.append(frame)
        if not tag:
            self._unsupported(f"不支持 <{name[:40]}>，可用的有 {' '.join(_TAGS)}", begin)
            return
        self._check_attributes(name, attributes, begin)
        opener = _OPENERS.get(name)
        if opener is not None:
            self._frames[-1] = opener(self, frame)
        self.writer.set_prosody(self._frames[-1].prosody)
        self.writer.set_style(self._frames[-1].style)

    def endElement(self, name: str) -> None:  # noqa: N802  # SAX's name
        """Close the element."""
        frame = self._frames[-1]
        if name in _REPLACED:
            end = self.here
            text, places = "".join(self._held), self._held_places
            self._held, self._held_places = [], []
            _REPLACED[name](self, frame, text, places or [(frame.begin, end)])
        else:
            self._flush()
        if name in ("p", "s"):
            self._end_sentence()
        self._frames.pop()
        if self._frames:
            self.writer.set_prosody(self._frames[-1].prosody)
            self.writer.set_style(self._frames[-1].style)

    def characters(self, content: str) -> None:
        """Text, with the place of each character."""
        begin = self.here
        written = self.source[begin : begin + len(content)]
        reference = _REFERENCE.match(self.source, begin)
        if reference and len(content) == 1:
            places = [(begin, reference.end())]
        elif written == content:
            places = [(begin + offset, begin + offset + 1) for offset in range(len(content))]
        else:  # a line end of two characters
            places = [(begin, begin + (2 if self.source[begin : begin + 2] == "\r\n" else 1))] * len(content)
        self._held.append(content)
        self._held_places += places

    def processingInstruction(self, target: str, data: str) -> None:  # noqa: N802  # SAX's name
        """None is needed."""
        self._unsupported(f"不支持处理指令 <?{target[:20]}?>", self.here)

    def _flush(self) -> None:
        """Put the text since the last tag, its line ends taken for the layout that they are."""
        text, places = "".join(self._held), self._held_places
        self._held, self._held_places = [], []
        if not text:
            return
        if not self._frames or self._frames[-1].tag in _REPLACED:
            return self._nested()
        text, places = _laid_out(text, places, "".join(self.writer.characters[-1:]))
        before = {position for position, fixed in self.writer.fixed.items() if fixed.pause_ms is not None}
        inline.write(self.writer, text, places, self._paused_ms)
        new = (self.writer.fixed[position] for position in self.writer.fixed.keys() - before)
        self._paused_ms += sum(fixed.pause_ms or 0 for fixed in new)

    def _nested(self) -> None:
        self.fail(f"<{self._frames[-1].tag}> 里面只能是文字，不能再有标记。" if self._frames else "应以 <speak> 开头。")

    def _check(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if not self._frames and name != "speak":
            self.fail(f"最外层应是 <speak>，不是 <{name[:40]}>。")
        if self._frames and name == "speak":
            self.fail("<speak> 只能有一个，在最外层。")
        if self._frames and self._frames[-1].tag in (*_REPLACED, "break"):
            self.fail(f"<{self._frames[-1].tag}> 里面不能再有标记。")
        if len(self._frames) >= MAX_DEPTH:
            self.fail(f"标记嵌套超过 {MAX_DEPTH} 层，请减少。")
        if self._elements > MAX_ELEMENTS:
            self.fail(f"标记超过 {MAX_ELEMENTS} 个，请分段发送。")
        if len(attributes) > MAX_ATTRIBUTES or any(len(one) > MAX_ATTRIBUTE_CHARS for one in attributes.values()):
            self.fail(f"一个标记最多 {MAX_ATTRIBUTES} 个属性，每个值最多 {MAX_ATTRIBUTE_CHARS} 个字符。")

    def _check_attributes(self, name: str, attributes: dict[str, str], begin: int) -> None:
        for key in attributes:
            if key not in _TAGS[name] and not key.startswith("xml"):
                known = "、".join(_TAGS[name]) or "没有"
                self._unsupported(f"<{name}> 不支持属性 {key[:40]}，可用的：{known}", begin)

    def _unsupported(self, detail: str, begin: int) -> None:
        if self.markup.on_unsupported != "warn":
            self.fail(f"{detail}。", begin)
        end = self.source.find(">", begin) + 1 or len(self.source)
        self.writer.notices.append(Notice(begin, end, self.source[begin:end][:80], f"{detail}，已略过。"))

    def _needed(self, frame: _Frame, key: str, example: str) -> str:
        value = frame.attributes.get(key, "").strip()
        if not value:
            self.fail(f'<{frame.tag}> 缺少属性 {key}，例如 {key}="{example}"。', frame.begin)
        return value

    def _end_sentence(self) -> None:
        last = "".join(self.writer.characters[-1:])
        if last and last not in _ENDS and self.writer.fixed.get(self.writer.position - 1) != _SENTENCE_END:
            self.writer.fix(_SENTENCE_END, self.here, self.here)

    def open_break(self, frame: _Frame) -> _Frame:
        """``<break time strength>``."""
        written = frame.attributes.get("time")
        strength = frame.attributes.get("strength", "medium")
        if written is not None:
            milliseconds = inline.milliseconds_of(written)
        else:
            milliseconds = manner.BREAKS_MS.get(strength)
        if milliseconds is None:
            known = "、".join(manner.BREAKS_MS)
            self.fail(f'停顿应写成 time="500ms"、time="1.5s" 或 strength={known} 之一。', frame.begin)
        if milliseconds > inline.MAX_PAUSE_MS:
            self.fail(f"一处停顿最长 {inline.MAX_PAUSE_MS // 1000} 秒。", frame.begin)
        self._paused_ms += milliseconds
        if self._paused_ms > inline.MAX_PAUSES_MS:
            self.fail(f"停顿加起来超过 {inline.MAX_PAUSES_MS // 1000} 秒，请减少。", frame.begin)
        end = self.source.find(">", frame.begin) + 1
        self.writer.fix(Fixed(pause_ms=milliseconds, rule="break"), frame.begin, end)
        return frame

    def open_sentence(self, frame: _Frame) -> _Frame:
        """``<p>``, ``<s>``: what stands before is a sentence of its own."""
        self._end_sentence()
        return frame

    def open_prosody(self, frame: _Frame) -> _Frame:
        """``<prosody rate pitch range volume>``."""
        changed = NEUTRAL
        for attribute, (name, _, _) in manner.LIMITS.items():
            written = frame.attributes.get(attribute)
            if written is None:
                continue
            value = manner.value(attribute, written)
            if value is None:
                self.fail(f'{attribute}="{written[:40]}" 不对，应像 {manner.EXAMPLES[attribute]}。', frame.begin)
            changed = replace(changed, **{name: value})
        return self._within_limits(frame, changed)

    def open_emphasis(self, frame: _Frame) -> _Frame:
        """``<emphasis level>``."""
        level = frame.attributes.get("level", "moderate")
        if level not in manner.EMPHASES:
            self.fail(f'level="{level[:40]}" 不对，可用 {"、".join(manner.EMPHASES)}。', frame.begin)
        return self._within_limits(frame, manner.EMPHASES[level])

    def _within_limits(self, frame: _Frame, changed: Prosody) -> _Frame:
        prosody = changed.within(frame.prosody)
        for attribute, (name, low, high) in manner.LIMITS.items():
            value = getattr(prosody, name)
            if not low <= value <= high and value != -float("inf"):
                detail = f"{attribute} 连同外层的合起来是 {value:.4g}，应在 {low:g} 到 {high:g} 之间。"
                self.fail(detail, frame.begin)
        return replace(frame, prosody=prosody)

    def open_voice(self, frame: _Frame) -> _Frame:
        """``<voice name>``."""
        name = self._needed(frame, "name", "female")
        if self.markup.voices is not None and name not in self.markup.voices:
            self.fail(f"没有名为“{name[:40]}”的音色：可用的有 {'、'.join(self.markup.voices)}。", frame.begin)
        return replace(frame, style=replace(frame.style, voice=name))

    def open_express(self, frame: _Frame) -> _Frame:
        """``<mstts:express-as style styledegree>``."""
        style = self._needed(frame, "style", "happy").lower()
        degree = frame.attributes.get("styledegree", "1")
        emotion = STYLES.get(style)
        if emotion is None:
            self._unsupported(f'不支持 style="{style[:40]}"，可用的有 {"、".join(EMOTIONS)}', frame.begin)
            return frame
        if not re.fullmatch(r"\d(?:\.\d{1,4})?|\.\d{1,4}", degree) or not 0.01 <= float(degree) <= 2:
            self.fail(f'styledegree="{degree[:20]}" 不对，应在 0.01 到 2 之间，1 为寻常。', frame.begin)
        if emotion != "neutral" and self.markup.emotions is not None and emotion not in self.markup.emotions:
            self._unsupported(f"当前模型没有情感“{emotion}”", frame.begin)
            return frame
        given = replace(frame.style, emotion=emotion, intensity=float(degree) / 2)
        return replace(frame, style=given)

    def close_phoneme(self, frame: _Frame, text: str, places: list[tuple[int, int]]) -> None:
        """``<phoneme alphabet ph>``."""
        alphabet = frame.attributes.get("alphabet", "py")
        written = self._needed(frame, "ph", "chong2 qing4")
        begin, end = places[0][0], places[-1][1]
        if alphabet == "ipa":
            try:
                sounds = ipa.phonemes(written)
            except ipa.IpaError as error:
                sign = written[error.at : error.at + 1]
                self.fail(f'ph 里的“{sign}”不是英语的国际音标；汉字请用 alphabet="py"。', frame.begin)
            self.writer.fix(Fixed(sounds=sounds, rule="phoneme"), begin, end)
            return
        if alphabet not in ("py", "pinyin", "x-pinyin"):
            self.fail(f'alphabet="{alphabet[:20]}" 不对，可用 py、pinyin（汉字）与 ipa（英文）。', frame.begin)
        pinyin = syllables(written)
        if pinyin is None:
            self.fail(f'ph="{written[:40]}" 不是带声调的拼音，应像 chong2 qing4 或 chóng qìng。', frame.begin)
        overrides = aligned(text, pinyin, "phoneme", is_final=True)
        if overrides is None and text and all(is_han(character) for character in text):
            self.fail(f"“{text[:20]}”有 {len(text)} 个字，ph 却有 {len(pinyin)} 个音节。", frame.begin)
        if overrides is None:
            self.writer.fix(Fixed(pinyin=pinyin, rule="phoneme"), begin, end)
            return
        self._override(text, places, overrides)

    def _override(self, text: str, places: list[tuple[int, int]], overrides: dict[int, Override]) -> None:
        self.writer.overrides.update(moved(overrides, self.writer.position))
        for character, (begin, end) in zip(text, places, strict=True):
            self.writer.put(character, begin, end)

    def close_say_as(self, frame: _Frame, text: str, places: list[tuple[int, int]]) -> None:
        """``<say-as interpret-as format>``."""
        kind = self._needed(frame, "interpret-as", "digits").lower()
        if not text.strip():
            return
        try:
            read = say_as.spoken(kind, frame.attributes.get("format", ""), text)
        except KeyError:
            self._unsupported(f'不支持 interpret-as="{kind[:40]}"，可用的有 {" ".join(say_as.KINDS)}', frame.begin)
            read = text
        except say_as.SayAsError as error:
            self.fail(f"{error}。", frame.begin)
        if read != text.strip():
            self.writer.fix(Fixed(text=read, rule=f"say-as-{kind}"), places[0][0], places[-1][1])
            return
        pinyin = say_as.surname(text) if kind == "name" else ()
        overrides = aligned(text[: len(pinyin)], pinyin, "say-as-name", is_final=False) or {}
        self._override(text, places, overrides)

    def close_sub(self, frame: _Frame, text: str, places: list[tuple[int, int]]) -> None:
        """``<sub alias>``."""
        alias = self._needed(frame, "alias", "世界卫生组织")
        self.writer.fix(Fixed(text=alias, rule="sub"), places[0][0], places[-1][1])


def _laid_out(text: str, places: list[tuple[int, int]], before: str) -> tuple[str, list[tuple[int, int]]]:
    """Text whose white space with a line end in it is layout: a space between Latin words, nothing elsewhere."""
    kept, kept_places = [], []
    at = 0
    for blank in _BLANKS.finditer(text):
        if "\n" not in blank[0] and "\r" not in blank[0]:
            continue
        kept.append(text[at : blank.start()])
        kept_places += places[at : blank.start()]
        last = (text[blank.start() - 1 : blank.start()] if blank.start() else before)[-1:]
        if last.isascii() and last.isalnum():
            kept.append(" ")
            kept_places.append((places[blank.start()][0], places[blank.end() - 1][1]))
        at = blank.end()
    return "".join([*kept, text[at:]]), kept_places + places[at:]


_SENTENCE_END = Fixed(text="。", rule="sentence")
_TAGS: dict[str, tuple[str, ...]] = {
    "speak": ("version",), "p": (), "s": (), "break": ("time", "strength"), "phoneme": ("alphabet", "ph"),
    "say-as": ("interpret-as", "format", "detail"), "sub": ("alias",), "prosody": tuple(manner.LIMITS),
    "emphasis": ("level",), "voice": ("name",), "mstts:express-as": ("style", "styledegree"),
}  # fmt: skip
_OPENERS: dict[str, Callable[[_Reader, _Frame], _Frame]] = {
    "break": _Reader.open_break, "p": _Reader.open_sentence, "s": _Reader.open_sentence,
    "prosody": _Reader.open_prosody, "emphasis": _Reader.open_emphasis, "voice": _Reader.open_voice,
    "mstts:express-as": _Reader.open_express,
}  # fmt: skip
_REPLACED: dict[str, Callable[[_Reader, _Frame, str, list[tuple[int, int]]], None]] = {
    "phoneme": _Reader.close_phoneme, "say-as": _Reader.close_say_as, "sub": _Reader.close_sub
}  # fmt: skip

CAPABILITIES = {
    "elements": {name: list(attributes) for name, attributes in _TAGS.items()},
    "interpret_as": list(say_as.KINDS),
    "styles": STYLES,
    "limits": {"depth": MAX_DEPTH, "elements": MAX_ELEMENTS, "pause_ms": inline.MAX_PAUSE_MS},
}
"""For programs: what may be written."""
