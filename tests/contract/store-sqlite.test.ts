import { join } from 'node:path'
import { openSqlite, type SqliteOptions } from '../../core/store/sqlite/open.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'
import { describeStoreContract, type StorePlace } from './store.ts'

async function filePlace(writer: SqliteOptions['writer'] & string): Promise<StorePlace> {
  const folder = await temporaryFolder('store')
  return {
    durable: true,
    open: () => openSqlite({ path: join(folder.path, 'state.db'), writer }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

describeStoreContract('sqlite, writer thread', () => filePlace('thread'))
describeStoreContract('sqlite, in process', () => filePlace('in-process'))
describeStoreContract(
  'sqlite, in memory',
  () => Promise.resolve({ durable: false, open: () => openSqlite({ path: ':memory:' }), [Symbol.asyncDispose]: () => Promise.resolve() }),
  { durable: false },
)
