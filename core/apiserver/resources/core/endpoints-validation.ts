import type { EndpointSubset, Endpoints } from '../../../api/types/core-v1.ts'
import { type FieldError, required } from '../../../meta/field-error.ts'
import { dns1123LabelProblems, dns1123SubdomainProblems, qualifiedNameProblems } from '../../../meta/names.ts'
import { checkFormat, checkPort, checkRequiredEnum, type Problems } from '../validation/common.ts'
import { checkRoutableIp } from '../validation/network.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** Source: shared validation facts, core/v1 Endpoints. */
export function validateEndpoints({ subsets }: Endpoints): readonly FieldError[] {
  const problems: Problems = []
  subsets?.forEach((subset, i) => {
    const at = `subsets[${i}]`
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset
    if (addresses.length === 0 && notReadyAddresses.length === 0)
      problems.push(required(at, 'must specify `addresses` or `notReadyAddresses`'))
    checkAddresses(addresses, `${at}.addresses`, problems)
    checkAddresses(notReadyAddresses, `${at}.notReadyAddresses`, problems)
    ports.forEach(({ name = '', port, protocol, appProtocol }, j) => {
      const portAt = `${at}.ports[${j}]`
      if (name !== '') checkFormat(name, `${portAt}.name`, dns1123LabelProblems, problems)
      else if (ports.length > 1) problems.push(required(`${portAt}.name`))
      checkPort(port, `${portAt}.port`, problems)
      checkRequiredEnum(protocol, `${portAt}.protocol`, PROTOCOLS, problems)
      if (appProtocol !== undefined) checkFormat(appProtocol, `${portAt}.appProtocol`, qualifiedNameProblems, problems)
    })
  })
  return problems
}

type Addresses = NonNullable<EndpointSubset['addresses']>

function checkAddresses(addresses: Addresses, path: string, problems: Problems): void {
  addresses.forEach(({ ip, hostname = '', nodeName }, i) => {
    checkRoutableIp(ip, `${path}[${i}].ip`, problems)
    if (hostname !== '') checkFormat(hostname, `${path}[${i}].hostname`, dns1123LabelProblems, problems)
    if (nodeName !== undefined) checkFormat(nodeName, `${path}[${i}].nodeName`, dns1123SubdomainProblems, problems)
  })
}
