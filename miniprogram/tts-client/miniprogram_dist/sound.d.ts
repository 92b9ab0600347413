/** One clip in the phone's ears, through an inner audio context or the background audio manager. */
import { Clip } from './clip';
import { TtsError } from './errors';
export type AudioPlatform = Pick<WechatMiniprogram.Wx, 'createInnerAudioContext' | 'getBackgroundAudioManager' | 'onAudioInterruptionBegin' | 'onAudioInterruptionEnd'>;
export interface SoundEvents {
    playing: () => void;
    waiting: () => void;
    ended: () => void;
    /** The system, or another program, stopped it. */
    paused: () => void;
    failed: (error: TtsError) => void;
    previous: () => void;
    next: () => void;
}
export interface Start {
    clip: Clip;
    atS: number;
    rate: number;
    title: string;
}
/** Plays one clip at a time. */
export interface Sound {
    start(what: Start): void;
    pause(): void;
    resume(): void;
    seek(atS: number): void;
    rate(rate: number): void;
    timeS(): number;
    stop(): void;
}
/** In the foreground: a context for every clip, so that a late event of the last one cannot be mistaken. */
export declare class ForegroundSound implements Sound {
    private _platform;
    private _events;
    private _context;
    constructor(_platform: AudioPlatform, _events: SoundEvents);
    start({ clip, atS, rate }: Start): void;
    pause(): void;
    resume(): void;
    seek(atS: number): void;
    rate(rate: number): void;
    timeS(): number;
    stop(): void;
}
/** On the lock screen too. There is one manager for the whole program; it plays links only, no local files. */
export declare class BackgroundSound implements Sound {
    private _events;
    private _manager;
    constructor(platform: AudioPlatform, _events: SoundEvents);
    start({ clip, atS, rate, title }: Start): void;
    pause(): void;
    resume(): void;
    seek(atS: number): void;
    rate(rate: number): void;
    timeS(): number;
    stop(): void;
    private _claim;
}
