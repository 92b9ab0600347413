"""What clients send and get. ``/openapi.json`` is made from these."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.body import Text
from app.errors import FieldError, TextTooLongError
from app.gateway import Order
from app.speech import Wish
from sound.formats import SoundError, file_rate

Format = Literal["mp3", "wav", "m4a", "aac", "ogg", "opus", "flac", "pcm"]
SampleRate = Literal[8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]
Speed = Annotated[float, Field(ge=0.5, le=2.0, description="语速：1.0 为正常，2.0 快一倍；音高不变。")]


def _listed(value: object) -> object:
    """So that an error names everything that may stand here, not only what the first half of the union takes."""
    if not isinstance(value, bool) and value not in _KINDS:
        raise PydanticCustomError(
            "literal_error", "timestamps", {"expected": f"true, false, {', '.join(_KINDS[:-1])} or {_KINDS[-1]}"}
        )
    return value


_KINDS = ("characters", "sentences", "srt", "lrc")
Timestamps = Annotated[
    bool | Literal["characters", "sentences", "srt", "lrc"],
    BeforeValidator(_listed),
    Field(description="true 或 characters 逐字，sentences 逐句，在 timestamps 里；srt、lrc 为字幕，在 subtitles 里。"),
]
Speaker = Annotated[Text, StringConstraints(min_length=1, max_length=64), Field(description="音色名，见 GET /voices。")]

_ALLOWED_CONTROLS = "\t\n\r"
MAX_PREWARM_TEXTS = 5000


class Request(BaseModel):
    """Strict: no conversion, no unknown field, no NaN; a rejected value is never echoed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class Reply(BaseModel):
    """What we promise."""

    model_config = ConfigDict(frozen=True)


class Voicing(Request):
    """How to speak, and into which file."""

    speaker: Speaker = "female"
    voice_id: str | None = Field(
        default=None, pattern=r"^voice-[0-9a-f]{32}$", description="自己克隆的声音，见 GET /voices；代替 speaker。"
    )
    speed: Speed = 1.0
    pitch: float = Field(default=0.0, ge=-12, le=12, description="音高：升降多少个半音；音色随之自然变化，语速不变。")
    range: float = Field(default=1.0, ge=0, le=2, description="语调起伏：1 为平常，0 为平板，2 加倍。")
    volume: float = Field(default=0.0, ge=-40, le=12, description="音量：增减多少分贝；到上限的峰值会压低，不削波。")
    seed: int = Field(default=0, ge=0, le=4294967295, description="0 以外的数让语气略有变化；同样的请求同样的音频。")
    ssml: bool = Field(default=False, description="text 是 SSML（<speak>…</speak>）；写错时 422 会指出行与列。")
    on_unsupported: Literal["error", "warn"] = Field(
        default="error", description="SSML 里有不支持的标记时：error 报错，warn 略过并在 warnings 里说明。"
    )
    emotion: str = Field(
        default="neutral",
        pattern=r"^[a-z]{1,20}$",
        description="情感：neutral，或模型会的：happy、angry、sad、afraid、surprised、gentle；不会的答 422。",
    )
    intensity: float = Field(default=1.0, ge=0, le=1, description="情感的强度。")
    format: Format = Field(default="mp3", description="音频格式；小程序请用 mp3、m4a、aac 或 wav。")
    sample_rate: SampleRate | None = Field(
        default=None, description="采样率（Hz）；不填用引擎自己的 22050（ogg、opus 为 24000）。"
    )

    explicit_label: bool = Field(
        default=True,
        description="文件里要不要听得见的 AI 标识；false 表示调用者在界面上持续显示标识、不提供下载。",
    )

    def wish(self, text: str) -> Wish:
        """``text`` in this voicing.

        Raises:
            FieldError: the format has no such sample rate, or two voices are named.
        """
        try:
            file_rate(self.format, 22050, self.sample_rate)
        except SoundError as error:
            raise FieldError("sample_rate", str(error).rstrip("。")) from error
        if self.voice_id is not None and "speaker" in self.model_fields_set:
            raise FieldError("voice_id", "与 speaker 只能填一个")
        order = Order(
            text, self.voice_id or self.speaker, float(self.speed), float(self.pitch), float(self.range),
            float(self.volume), self.seed, self.ssml, self.on_unsupported, self.emotion, float(self.intensity),
        )  # fmt: skip
        return Wish(order, self.format, self.sample_rate, self.explicit_label)


class SpeechRequest(Voicing):
    """``POST /tts``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "欢迎使用AI语音合成功能", "speaker": "female", "speed": 1.2}]}
    )

    text: Text = Field(description="要说的话；长度上限见 413 的回答。")
    timestamps: Timestamps = False


class StreamRequest(SpeechRequest):
    """``POST /tts/stream``."""

    format: Format | None = Field(  # type: ignore[assignment]  # here its default depends on Accept
        default=None,
        description="分帧时：不填为连续的 pcm；其他格式则每个 A 帧是一句话的完整文件。整段音频时：不填由 Accept 决定。",
    )

    def wish_for(self, text: str, format: Format, explicit: bool) -> Wish:
        """``text`` in this voicing, as ``format``."""
        settled = self.model_copy(update={"format": format, "explicit_label": explicit})
        return settled.wish(text)


class JobRequest(Voicing):
    """``POST /jobs``."""

    text: Text = Field(description="长文本；长度上限见 413 的回答。")
    callback_url: str | None = Field(
        default=None, max_length=2000, description="结束时 POST 到这个 https 地址，带 Standard Webhooks 签名。"
    )


class OpenAIVoice(Request):
    """The long form of ``voice``."""

    id: Annotated[Text, StringConstraints(min_length=1, max_length=64)]


class OpenAISpeechRequest(Request):
    """``POST /v1/audio/speech``."""

    model: Annotated[Text, StringConstraints(min_length=1, max_length=64)] = Field(
        description="tts-1、tts-1-hd、gpt-4o-mini-tts 或引擎的模型名；都是同一个模型。"
    )
    input: Text = Field(description="要说的话，最多 4096 个字符。")
    voice: Speaker | OpenAIVoice = Field(description="GET /v1/audio/voices 里的音色，或 alloy 等 OpenAI 的名字。")
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: Speed = 1.0
    instructions: Text | None = Field(default=None, description="不支持，会被忽略；回答的 X-Ignored 头会说明。")
    stream: bool = Field(default=False, description="边合成边发送。")
    stream_format: Literal["audio", "sse"] | None = Field(default=None, description="sse 为事件流，需边合成边发送。")


class PrewarmRequest(Voicing):
    """``POST /prewarm``."""

    texts: list[Text] = Field(min_length=1, max_length=MAX_PREWARM_TEXTS, description="要提前合成的常用文本。")


class TokenRequest(Request):
    """``POST /auth/token``; the body may be absent."""

    scopes: list[Literal["tts", "voices"]] | None = Field(
        default=None, min_length=1, max_length=2, description="令牌的权限；不填则为密钥所有的（admin 除外）。"
    )


class WeChatLoginRequest(Request):
    """``POST /auth/wechat``."""

    code: str = Field(pattern=r"^[A-Za-z0-9_-]{8,128}$", description="wx.login 给的 code：五分钟内有效，只能用一次。")


class RevokeRequest(Request):
    """``POST /auth/revoke``; the body may be absent."""

    everywhere: bool = Field(default=False, description="true 则此用户现有的令牌全部失效（所有设备退出）。")


class RevokeReply(Reply):
    """What no longer holds."""

    revoked: Literal["token", "everywhere"]


class AuditQuery(BaseModel):
    """Parameters of ``GET /audit``: text in the address, so numbers and times are read from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    since: AwareDatetime | None = Field(default=None, description="从何时起，例如 2026-11-01T00:00:00Z。")
    until: AwareDatetime | None = Field(default=None, description="到何时为止（不含）。")
    action: str | None = Field(
        default=None, pattern=r"^[a-z]{1,20}(\.[a-z_]{1,20})?$", description="动作，例如 key.create 或 key。"
    )
    actor: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="谁做的。")
    after: int = Field(default=0, ge=0, le=2**62, description="从这个 id 之后开始。")
    limit: int = Field(default=100, ge=1, le=1000, description="最多几条。")


class Timing(Reply):
    """When a stretch of the text is heard."""

    begin_ms: float
    end_ms: float
    begin: int = Field(description="原文中的起始下标（按 Unicode 码点计）。")
    end: int = Field(description="原文中的结束下标（不含）。")
    text: str


class Silence(Reply):
    """A symbol that was not spoken."""

    begin: int
    end: int
    text: str
    message: str


class SpeechReply(Reply):
    """Where the sound is."""

    audio_url: str = Field(description="可直接播放的音频链接，过期前有效。")
    expires_at: str = Field(description="链接的到期时间（UTC，ISO 8601）。")
    duration_s: float = Field(description="音频时长（秒）。")
    characters: int = Field(description="文本的字符数。")
    cached: bool = Field(description="此前已合成过，这次没有用量。")
    format: Format
    request_id: str
    timestamps: list[Timing] | None = None
    subtitles: str | None = Field(default=None, description="SRT 或 LRC 字幕。")
    warnings: list[Silence] | None = Field(default=None, description="没有读出来的符号及其位置。")


class TokenReply(Reply):
    """RFC 6749."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="有效秒数。")
    scope: str


class VoiceReply(Reply):
    """A voice that can be asked for."""

    name: str
    title: str
    gender: str


class ClonedVoiceReply(Reply):
    """A cloned voice that the caller may speak with."""

    voice_id: str
    title: str
    created_at: str = Field(description="UTC，ISO 8601。")
    owned: bool = Field(description="是自己上传的，可以删除；否则是别人授权使用的。")


def _with_clip(schema: dict[str, Any]) -> None:
    """The file is read apart from the fields, but to who sends the form it is one of them."""
    schema["properties"]["clip"] = {"type": "string", "format": "binary", "description": "录音文件。"}
    schema["required"].append("clip")


class VoiceUpload(BaseModel):
    """The text fields of ``POST /voices``; the recording is the file ``clip``."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        json_schema_extra=_with_clip,
    )

    title: Text = Field(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f]+$", description="声音的名字。")
    consent_person: Text = Field(min_length=1, max_length=100, description="录音里是谁的声音（同意人）。")
    consent_purpose: Text = Field(min_length=1, max_length=500, description="同意用于什么。")
    consent_agreed_at: AwareDatetime = Field(description="本人何时同意的，例如 2026-11-22T10:00:00+08:00。")
    consent_statement: Text = Field(min_length=10, max_length=2000, description="本人同意的原话。")


class VoiceDeletedReply(Reply):
    """``deleted``: nothing is left; ``deleting``: nobody can use it any more, and the rest goes soon."""

    state: Literal["deleted", "deleting"]


class SpeedReply(Reply):
    """Bounds of ``speed``."""

    min: float
    max: float


class VoicesReply(Reply):
    """``GET /voices``."""

    voices: list[VoiceReply] = Field(description="人人可用的音色，写在 speaker 里。")
    cloned: list[ClonedVoiceReply] = Field(description="自己可用的克隆声音，写在 voice_id 里。")
    speed: SpeedReply
    formats: list[str]


class PrewarmReply(Reply):
    """How far the list has come; asking again with the same list tells again."""

    ready: int = Field(description="已可直接播放的条数。")
    pending: int = Field(description="等待后台合成的条数。")
    failed: int = Field(description="pending 之中上次没能合成、还会再试的条数；一直不减少时请检查文本。")


class HealthReply(Reply):
    """The process answers."""

    status: Literal["ok"]


class ReadyReply(Reply):
    """Every part works."""

    status: Literal["ok"]
    checks: dict[str, str]


class AuditReply(Reply):
    """One line of the audit."""

    id: int
    at: str = Field(description="UTC，ISO 8601。")
    actor: str
    action: str
    target: str
    detail: dict[str, Any] = Field(description="各种动作自己的数据；从不含文本或机密。")


class AuditPageReply(Reply):
    """``GET /audit``."""

    entries: list[AuditReply]
    next_after: int | None = Field(default=None, description="还有更多时，作下一次的 after。")


class TencentReply(Reply):
    """Tencent Cloud's envelope."""

    Response: dict[str, Any] = Field(
        description="Audio（base64）、SessionId、Subtitles、RequestId；出错时为 Error、RequestId。"
    )


class JobPartReply(Reply):
    """A part that can be played already."""

    number: int
    begin: int = Field(description="原文中的起始下标（按 Unicode 码点计）。")
    end: int
    duration_s: float
    audio_url: str | None = Field(default=None, description="链接；已被清理时没有。")


class JobReply(Reply):
    """A long text."""

    id: str
    state: Literal["queued", "running", "done", "failed"]
    progress: float = Field(description="0 到 1。")
    characters: int
    format: Format
    created_at: str
    parts_total: int
    parts_done: int
    parts: list[JobPartReply] | None = Field(default=None, description="已合成的段，可先播放；没有声音的段不列出。")
    audio_url: str | None = Field(default=None, description="整篇音频的链接。")
    expires_at: str | None = Field(default=None, description="链接的到期时间；再查询即得新链接。")
    duration_s: float | None = None
    code: str | None = Field(default=None, description="失败的错误码。")
    detail: str | None = Field(default=None, description="失败的原因。")
    delete_at: str | None = Field(default=None, description="任务与结果删除的时间。")


class TimestampsReply(Reply):
    """``GET /jobs/{id}/timestamps`` for characters and sentences; subtitles are text."""

    timestamps: list[Timing]


class JobsReply(Reply):
    """``GET /jobs``."""

    jobs: list[JobReply]


class OpenAIModelReply(Reply):
    """``GET /v1/models/{name}``."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAIModelsReply(Reply):
    """``GET /v1/models``."""

    object: Literal["list"]
    data: list[OpenAIModelReply]


class OpenAIVoiceReply(Reply):
    """A name for ``voice``."""

    id: str
    name: str


class OpenAIVoicesReply(Reply):
    """``GET /v1/audio/voices``."""

    voices: list[OpenAIVoiceReply]


class OpenAIError(Reply):
    """What is wrong, as OpenAI's client libraries read it."""

    message: str = Field(description="怎样改正，中文一句话。")
    type: str
    param: str | None
    code: str | None


class OpenAIErrorReply(Reply):
    """Errors of ``/v1/…``."""

    error: OpenAIError


class ProblemReply(Reply):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str = Field(description="怎样改正，中文一句话。")
    code: str = Field(description="供程序判断的错误码。")
    error: str = Field(description="同 detail。")
    request_id: str


def check_text(text: str, max_chars: int, name: str = "text") -> str:
    """``text``, which can be sent to the engine.

    Raises:
        TextTooLongError: it has more than ``max_chars`` characters.
        FieldError: nothing to say in it, or control characters.
    """
    if len(text) > max_chars:
        raise TextTooLongError(len(text), max_chars)
    for position, character in enumerate(text, 1):
        if unicodedata.category(character) == "Cc" and character not in _ALLOWED_CONTROLS:
            raise FieldError(name, f"第 {position} 个字符是控制字符 U+{ord(character):04X}，请删去")
    if not text.strip():
        raise FieldError(name, "文本为空，请输入至少一个可以朗读的字符", code="empty_text")
    return text
