/** What a control plane that knocks at an agent's health port and the agent tell each other in HTTP headers. */

/** In a knock: the lease's length, ms. Only who sends it is given a stamp. */
export const LEASE_HEADER = 'howdah-lease-ms';
/** In a knock: the stamp of an answer that reached the control plane which leads. */
export const HEARD_HEADER = 'howdah-heard';
/** In an answer. */
export const STAMP_HEADER = 'howdah-stamp';
