/**
 * Reads a text of any length aloud: piece after piece, the next one fetched while one is heard.
 *
 * Knows sentences, time and the one loudspeaker; knows nothing about screens.
 */
import { Clip } from './clip';
import { TtsError } from './errors';
import { AudioPlatform } from './sound';
import { Task } from './task';
import { Span } from './text';
export type Status = 'idle' | 'loading' | 'playing' | 'paused' | 'ended' | 'error';
export interface State {
    status: Status;
    /** Seconds from the start of the whole text. */
    timeS: number;
    /** Of the whole text; an estimate where pieces have not been made yet. */
    durationS: number;
    exact: boolean;
    /** Index into `sentences`. */
    sentence: number;
    /** What is heard now, as indices into the text; both -1 between words. */
    begin: number;
    end: number;
    error: TtsError | undefined;
}
/** Where clips come from. `local`: a file is wanted, not only a link. */
export interface Source<Options> {
    fetch(text: string, options: Options, how: {
        urgent: boolean;
        local: boolean;
    }): Task<Clip>;
    forget(text: string, options: Options): Promise<void>;
}
export interface ReaderOptions<Options> {
    voice: Options;
    background?: boolean;
    title?: string;
    rate?: number;
    /** Go on by itself after a phone call. Default true. */
    resume?: boolean;
    /** Another reader begins; without this the reader only pauses. */
    onGiveWay?: () => void;
}
export interface Voiced {
    giveWay(): void;
}
/** Only one reader of the program is heard: whoever begins silences the one before. */
export declare function takeFloor(reader: Voiced): void;
export declare class Reader<Options> {
    private _platform;
    private _source;
    private _changed;
    sentences: Span[];
    state: State;
    private _text;
    private _pieces;
    private _clips;
    private _options;
    private _sound;
    private _piece;
    private _isOpen;
    private _fetching;
    private _ahead;
    private _want;
    private _healed;
    private _timer;
    private _interrupted;
    private _silencedMs;
    private _baseS;
    private _baseMs;
    constructor(_platform: AudioPlatform, _source: Source<Options>, _changed: (state: State) => void);
    /** Take another text; nothing is heard until `play`. */
    load(text: string, options: ReaderOptions<Options>): void;
    play(): void;
    pause(): void;
    giveWay(): void;
    toggle(): void;
    /** Silence, and back to the start. */
    stop(): void;
    /** Go to `timeS` of the whole; goes on playing if it was. */
    seek(timeS: number): void;
    /** Read on from the start of a sentence. */
    jump(sentence: number): void;
    next(): void;
    previous(): void;
    setRate(rate: number): void;
    /** Try again what failed. */
    retry(): void;
    destroy(): void;
    private _go;
    private _begin;
    private _hear;
    private _moved;
    private _open;
    private _advance;
    private _heal;
    private _clipOf;
    private _fetch;
    private _fetchAhead;
    private _followAhead;
    private _cancel;
    private _leave;
    private _hold;
    private readonly _onInterruption;
    private readonly _onInterruptionEnd;
    private _tick;
    private _localS;
    private _runningS;
    private _rebase;
    private _heardAt;
    /** Where a position of the text is heard, in seconds from the start of its piece. */
    private _offsetS;
    private _locate;
    private _startS;
    private _totalS;
    private _durationOf;
    private _lengthOf;
    private _textOf;
    private _voiceOf;
    private _rate;
    private _isHeard;
    private _set;
}
