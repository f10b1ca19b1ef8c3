/** `app/channel`; apps hold no slash, so the first slash separates. */
export type ChannelKey = `${string}/${string}`;
