export const exitCases = [];
