/** One file of node-forge, which @types/node-forge knows as a part of the whole only. */
declare module 'node-forge/lib/asn1.js' {
  import type forge from 'node-forge';
  const asn1: typeof forge.asn1;
  export default asn1;
}
