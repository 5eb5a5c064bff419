// Bytes of memory a registered EVFILT_USER takes in the machine alone, without
// a kernel around it: see ../machine.mjs.

/** @type {import('../measure.mjs').Row} */
export default { name: 'machine-memory', unit: 'bytes', program: 'machine.mjs' }
