/** A finished sound and when each stretch of the text is heard in it. */
/** Half-open stretch of the caller's text, in the units of `String.prototype.slice`, and its time in the sound. */
export interface Timing {
    beginMs: number;
    endMs: number;
    begin: number;
    end: number;
}
export interface Warning {
    begin: number;
    end: number;
    text: string;
    message: string;
}
export interface Clip {
    /** What an audio context can play: a local file, or the server's link where no file could be kept. */
    path: string;
    /** The server's link; opens until `expiresMs`. */
    url: string;
    expiresMs: number;
    durationS: number;
    timings: Timing[];
    /** Symbols that were not read out. */
    warnings: Warning[];
    /** Whether this phone, or the server, had it already. */
    cached: 'phone' | 'server' | '';
    requestId: string;
}
/** The server counts Unicode characters, JavaScript counts halves of some: 𠮷 is one there and two here. */
export declare function unitsOf(text: string): (position: number) => number;
/** The server's timings, in our units. */
export declare function timingsOf(given: unknown, text: string): Timing[];
export declare function warningsOf(given: unknown, text: string): Warning[];
/** Which timing is heard at `ms`: the last that has begun; -1 before the first. */
export declare function timingAt(timings: Timing[], ms: number): number;
