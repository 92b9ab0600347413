/** One tap, one short prompt; another tap is silence. */
export {};
