/** HTTP as the platform speaks it: bounded, retried, with a token. Knows nothing about speech. */
import { Session } from './session';
import { Signal, Slots, Urgency } from './task';
export type Platform = Pick<WechatMiniprogram.Wx, 'request' | 'downloadFile' | 'uploadFile' | 'login' | 'getStorage' | 'setStorage' | 'removeStorage'>;
export interface Call {
    path: string;
    urgency: Urgency;
    signal: Signal;
    /** `wx.request` knows no PATCH. */
    method?: 'GET' | 'POST' | 'DELETE';
    data?: WechatMiniprogram.IAnyObject;
    header?: Record<string, string>;
    anonymous?: boolean;
}
export interface Answer {
    status: number;
    data: any;
    header: (name: string) => string;
}
export interface Persistence {
    /** How often one call is tried in all. */
    attempts: number;
    /** First pause, doubled each time, in milliseconds. */
    baseMs: number;
    /** Longest pause; a server that asks for more is taken at its word: the call fails at once. */
    maxMs: number;
    /** For one request, in milliseconds; the platform allows 60,000. */
    timeoutMs: number;
}
export declare const URGENT: Urgency;
export declare class Transport {
    readonly platform: Platform;
    readonly baseUrl: string;
    private _persistence;
    readonly slots: Slots;
    readonly session: Session;
    constructor(platform: Platform, baseUrl: string, _persistence: Persistence, concurrency: number);
    /** The JSON answer to `call`. */
    send(call: Call): Promise<Answer>;
    /** Fetch a signed link into a temporary file; returns its path. */
    download(url: string, urgency: Urgency, signal: Signal): Promise<string>;
    /** Send one file with fields; the answer's body is JSON. */
    upload(call: Call, filePath: string, name: string): Promise<Answer>;
    /** Do `attempt` until it succeeds, within reason: at most one new login, waits only for what passes by itself. */
    persist<T>(call: Call, attempt: (header: Record<string, string>) => Promise<T>): Promise<T>;
    private _bearer;
    private _waitMs;
    private _login;
    private _send;
    private _ask;
}
/** Look a header up whatever its case, which differs between platforms. */
export declare function headerOf(headers: Record<string, string> | undefined): (name: string) => string;
/** Seconds to wait: a number, or a date; 0 where there is neither. */
export declare function retryAfterS(value: string): number;
