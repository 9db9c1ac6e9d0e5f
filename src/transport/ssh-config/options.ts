/** Options of ssh_config(5) that are honoured by both transports. */
export const HONOURED = words(`
  addressfamily batchmode bindaddress ciphers connecttimeout globalknownhostsfile
  hashknownhosts hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent identityfile
  kbdinteractiveauthentication kexalgorithms macs passwordauthentication port
  preferredauthentications proxyjump pubkeyacceptedalgorithms pubkeyauthentication
  serveralivecountmax serveraliveinterval stricthostkeychecking user userknownhostsfile
`);

/**
 * Options that only the system's OpenSSH can honour. A host where one of them has another value
 * than these is reached by it.
 */
export const BY_OPENSSH: Readonly<Record<string, readonly string[]>> = {
  bindinterface: ['none'],
  canonicalizehostname: ['no', 'none'],
  certificatefile: ['none'],
  hostbasedauthentication: ['no'],
  knownhostscommand: ['none'],
  pkcs11provider: ['none'],
  proxycommand: ['none'],
  proxyusefdpass: ['no'],
  revokedhostkeys: ['none'],
  securitykeyprovider: ['internal', 'none'],
  tag: [],
  verifyhostkeydns: ['no'],
};

/** Options that change nothing here: of terminals, forwarding, sharing, speed and looks. */
export const WITHOUT_EFFECT = words(`
  addkeystoagent canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
  canonicalizepermittedcnames casignaturealgorithms channeltimeout checkhostip cipher
  clearallforwardings compression compressionlevel connectionattempts controlmaster controlpath
  controlpersist dynamicforward enableescapecommandline enablesshkeysign escapechar
  exitonforwardfailure fallbacktorsh fingerprinthash forkafterauthentication forwardagent
  forwardx11 forwardx11timeout forwardx11trusted gatewayports gssapiauthentication
  gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms gssapikeyexchange
  gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns
  hostbasedacceptedalgorithms ignoreunknown include ipqos kbdinteractivedevices localcommand
  localforward loglevel logverbose noauthenticationforlocalhost nohostauthenticationforlocalhost
  numberofpasswordprompts obscurekeystroketiming permitlocalcommand permitremoteopen protocol
  refuseconnection rekeylimit remotecommand remoteforward requesttty requiredrsasize
  rhostsrsaauthentication rsaauthentication sendenv sessiontype setenv smartcarddevice stdinnull
  streamlocalbindmask streamlocalbindunlink syslogfacility tcpkeepalive tunnel tunneldevice
  updatehostkeys usekeychain useprivilegedport useroaming versionaddendum visualhostkey warnweakcrypto
  xauthlocation
`);

/** Whether ssh_config(5) has this option, under this name in lower case. */
export function isKnownOption(keyword: string): boolean {
  return HONOURED.has(keyword) || WITHOUT_EFFECT.has(keyword) || keyword in BY_OPENSSH;
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
