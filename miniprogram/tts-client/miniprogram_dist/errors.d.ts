/** Everything that can go wrong, as one class. */
export interface Cause {
    status?: number;
    requestId?: string;
    retryAfterS?: number;
    /** May the same call succeed later without any change? */
    passing?: boolean;
    /** Of the request, where one of them is wrong. */
    field?: string;
    /** What the platform said, for the developer's console. */
    said?: string;
}
/** A failure with a stable `code` for programs and a Chinese `message` for people. */
export declare class TtsError extends Error {
    readonly code: string;
    /** HTTP status; 0 where no server answered. */
    readonly status: number;
    /** Names the request in the server's log; empty where no server answered. */
    readonly requestId: string;
    readonly retryAfterS: number;
    readonly passing: boolean;
    readonly field: string;
    readonly said: string;
    constructor(code: string, message: string, cause?: Cause);
}
/** What a `fail` callback of the platform brings. */
export interface Failure {
    errMsg?: string;
    errno?: number;
}
/** The error for a call that no server answered. */
export declare function unanswered(failure: Failure): TtsError;
/** The error for an answer other than success; `body` is the problem document, where there is one. */
export declare function refused(status: number, body: unknown, retryAfterS: number): TtsError;
export declare function cancelled(): TtsError;
/** Whatever was thrown, as a TtsError. */
export declare function asTtsError(thrown: unknown): TtsError;
