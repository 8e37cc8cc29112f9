import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { readAdmissionConfiguration } from '../apiserver/admission/configuration.ts'
import type { ApiServerOptions } from '../apiserver/assemble.ts'
import { parseTokenFile, staticTokenAuthenticator } from '../apiserver/auth/authenticate/static-users.ts'
import { DEFAULT_IN_FLIGHT } from '../apiserver/in-flight.ts'
import type { ApiServerArgs } from '../config/component-args.ts'
import { parseYaml } from '../runtime/yaml.ts'

type FromArgs = Pick<ApiServerOptions, 'authenticators' | 'acceptsBootstrapTokens' | 'admission' | 'inFlight' | 'eventTtlMs'>

/** What `--kube-apiserver-arg` makes of the API server. Throws an Error that names the file which cannot be read, or what is wrong in it. */
export function apiServerOptions(args: ApiServerArgs): FromArgs {
  const { admission, admissionConfigFile, tokenAuthFile, acceptsBootstrapTokens, maxReads, maxWrites, eventTtlMs } = args
  return {
    admission: { ...admission, ...(admissionConfigFile !== undefined && { configuration: admissionConfiguration(admissionConfigFile) }) },
    acceptsBootstrapTokens,
    inFlight: { reads: maxReads ?? DEFAULT_IN_FLIGHT.reads, writes: maxWrites ?? DEFAULT_IN_FLIGHT.writes },
    ...(tokenAuthFile !== undefined && { authenticators: [staticTokenAuthenticator(parseTokenFile(readFileSync(tokenAuthFile, 'utf8')))] }),
    ...(eventTtlMs !== undefined && { eventTtlMs }),
  }
}

/** Paths inside are relative to the file's folder, as in kube-apiserver. */
function admissionConfiguration(path: string): ReturnType<typeof readAdmissionConfiguration> {
  const read = (file: string): unknown => parseYaml(readFileSync(file, 'utf8'))
  return readAdmissionConfiguration(read(path), (inner) => read(resolve(dirname(path), inner)))
}
