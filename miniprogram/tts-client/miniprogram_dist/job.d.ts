/** Long texts, made in the background by the server while the phone may sleep. */
import { Signal } from './task';
import { Transport } from './transport';
export interface JobPart {
    /** 0 for the first. */
    number: number;
    url: string;
    durationS: number;
    /** Which stretch of the text it speaks. */
    begin: number;
    end: number;
}
export interface Job {
    id: string;
    state: 'queued' | 'running' | 'done' | 'failed';
    /** 0 to 1. */
    progress: number;
    parts: JobPart[];
}
export interface JobHandlers {
    /** The job is accepted; its id is what `resumeJob` wants. */
    onCreate?: ((id: string) => void) | undefined;
    onProgress?: ((job: Job) => void) | undefined;
    /** A part can be played while the rest is made; called in order. */
    onPart?: ((part: JobPart) => void) | undefined;
}
export interface JobResult {
    id: string;
    url: string;
    expiresMs: number;
    durationS: number;
    /** When each stretch of the text is heard. */
    parts: JobPart[];
}
interface Order {
    text: string;
    /** Of a new job. */
    body?: WechatMiniprogram.IAnyObject;
    /** Of one that exists. */
    id?: string;
}
/** Create the job unless it exists, and wait for its end. */
export declare function watchJob(transport: Transport, order: Order, handlers: JobHandlers, signal: Signal): Promise<JobResult>;
export {};
