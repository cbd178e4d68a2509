import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, type ContextManager, ROOT_CONTEXT } from '@opentelemetry/api';

type AnyFunction = (...parameters: unknown[]) => unknown;

/** Carries OpenTelemetry's context along asynchronous calls. */
export class AsyncContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  /** Makes `context` the active one for the rest of the running callback and all that it starts. */
  enter(context: Context): void {
    this.#storage.enterWith(context);
  }

  with<Parameters extends unknown[], Work extends (...parameters: Parameters) => ReturnType<Work>>(
    context: Context,
    work: Work,
    self?: ThisParameterType<Work>,
    ...parameters: Parameters
  ): ReturnType<Work> {
    return this.#storage.run(context, () => work.apply(self, parameters));
  }

  /** Functions only: emitters keep the context in which their listeners run. */
  bind<Target>(context: Context, target: Target): Target {
    if (typeof target !== 'function') return target;
    const storage = this.#storage;
    const work = target as unknown as AnyFunction;
    const bound = function (this: unknown, ...parameters: unknown[]) {
      return storage.run(context, () => work.apply(this, parameters));
    };
    return bound as unknown as Target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}
