/** At least 0 and below 1. For the transport's jitter only: what an appliance does comes from its seed. */
export const systemRandom = (): number => Math.random();
