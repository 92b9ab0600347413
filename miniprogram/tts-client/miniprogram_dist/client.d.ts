/** What a mini-program calls: text in, sound out. */
import { FileCache } from './cache';
import { Clip } from './clip';
import { TtsError } from './errors';
import { Job, JobHandlers, JobResult } from './job';
import { Reader, Source, State } from './reader';
import { AudioPlatform } from './sound';
import { StreamEnd, StreamHandlers } from './stream';
import { Task } from './task';
import { Persistence, Platform as NetworkPlatform, Transport } from './transport';
/** The part of `wx` that the client needs; tests bring their own. */
export type Platform = NetworkPlatform & AudioPlatform & Pick<WechatMiniprogram.Wx, 'getFileSystemManager' | 'env' | 'createWebAudioContext' | 'setInnerAudioOption'>;
/** How to speak; what is left out is the server's default. */
export interface VoiceOptions {
    speaker?: string;
    /** 0.5 to 2.0; the pitch stays. */
    speed?: number;
    emotion?: string;
    /** 0 to 1. */
    intensity?: number;
    /** Semitones. */
    pitch?: number;
    volume?: number;
    format?: 'mp3' | 'wav' | 'm4a' | 'aac';
    voice_id?: string;
    /**
     * Whether the file itself must be heard to be made by AI. `false` is for those who show it on the screen all the
     * time and offer no download; the components of this package do. Default true.
     */
    explicit_label?: boolean;
}
export interface ClientOptions {
    /** For instance `https://tts.example.com`; must be among the legal domains of the mini-program. */
    baseUrl: string;
    wx: Platform;
    /** For every call that does not say otherwise. */
    voice?: VoiceOptions;
    /** Requests and downloads at once; the platform allows the whole program 10. Default 6. */
    concurrency?: number;
    /** Room for kept sounds, in MB, of the 200 that the platform gives the whole program. Default 50. */
    cacheMb?: number;
    /** Days after which a kept sound is made anew. Default 7. */
    cacheDays?: number;
    persistence?: Partial<Persistence>;
    /** Be silent when the phone's mute switch is on (iOS). Default false: who cannot see the screen must hear. */
    obeyMuteSwitch?: boolean;
}
export interface SpeakOptions extends VoiceOptions {
    /** Called when the first sound is heard. */
    onPlay?: () => void;
}
export interface Preloaded {
    ready: number;
    failed: Array<{
        text: string;
        error: TtsError;
    }>;
}
export interface ClonedVoice {
    /** For `VoiceOptions.voice_id`. */
    voice_id: string;
    title: string;
    created_at: string;
    /** Uploaded by this user, who may remove it. */
    owned: boolean;
}
/** A recording, and that the person heard in it agreed. */
export interface VoiceUpload {
    /** As `wx.chooseMedia`, a recorder, or `wx.chooseMessageFile` gave it. */
    filePath: string;
    title: string;
    consent: {
        person: string;
        purpose: string;
        agreedAt: Date;
        statement: string;
    };
}
export interface Voices {
    voices: Array<{
        name: string;
        title: string;
        gender: string;
    }>;
    cloned?: ClonedVoice[];
    emotions?: string[];
    speed: {
        min: number;
        max: number;
    };
    formats: string[];
}
export declare class TtsClient implements Source<VoiceOptions> {
    private _options;
    readonly transport: Transport;
    readonly cache: FileCache;
    private _flights;
    private _links;
    private _mustLabel;
    private _hush;
    constructor(_options: ClientOptions);
    /** Read `text` aloud; resolves when it has been heard to the end. Whatever was being read before stops. */
    speak(text: string, options?: SpeakOptions): Task<void>;
    /** Silence what `speak` or a playing `stream` began; its task rejects with code `cancelled`. */
    stop(): void;
    /** Fetch short texts ahead of need, so that they sound at once; behind whatever somebody waits for. */
    preload(texts: string | string[], options?: VoiceOptions): Task<Preloaded>;
    /** The sound of `text` (at most 1,000 characters) as a file, and its timings; nothing is heard. */
    synthesize(text: string, options?: VoiceOptions): Task<Clip>;
    /** Speak while the rest is being made (at most 5,000 characters); `play` also lets it be heard. */
    stream(text: string, options?: VoiceOptions & Partial<StreamHandlers> & {
        play?: boolean;
    }): Task<StreamEnd>;
    /** Have a long text (at most 100,000 characters) made in the background; cancelling the task cancels the job. */
    job(text: string, options?: VoiceOptions & JobHandlers): Task<JobResult>;
    /** Go on waiting for a job of an earlier run of the program. */
    resumeJob(id: string, text: string, handlers?: JobHandlers): Task<JobResult>;
    /** Voices, bounds of the speed, formats. */
    voices(): Task<Voices>;
    /** Clone a voice; the server refuses without the whole consent. Sent twice, it is the same voice. */
    addVoice({ filePath, title, consent }: VoiceUpload): Task<ClonedVoice>;
    /** Delete a voice of one's own, and on the server all that was made with it. */
    removeVoice(id: string): Task<void>;
    /** A reader of long texts, for a screen of your own; `tts-player` is one. */
    createReader(changed: (state: State) => void): Reader<VoiceOptions>;
    /** For readers: one clip, from memory, file, or server. */
    fetch(text: string, options: VoiceOptions, how: {
        urgent: boolean;
        local: boolean;
    }): Task<Clip>;
    /** The kept sound of `text` is no good. */
    forget(text: string, options: VoiceOptions): Promise<void>;
    private _file;
    private _cache;
    private _link;
    private _ask;
    private _body;
}
export declare function createTtsClient(options: ClientOptions): TtsClient;
/** The sound behind the server's answer. */
export declare function clipOf(data: any, text: string): Clip;
export type { Job };
