// What an event costs among MOST_PIPES ready ones, beside PIPES: the two rows' rates divided.
/** @type {import('../measure.mjs').Row} */
export default {
  name: 'growth',
  unit: 'times',
  rows: ['read-scan', 'scan-9000'],
}
