/** Consumers of one channel. */
export const MAX_CONSUMERS = 1000;
/** After the channel's last acknowledgement. */
export const ACK_IDLE_TTL_MS = 30 * 86_400_000;
