/** One host of an inventory, its variables merged. */
export interface InventoryHost {
  readonly name: string;
  /** All its groups with their ancestors, without `all`, sorted. */
  readonly groups: readonly string[];
  /**
   * Variables merged in Ansible's order, not templated. With `inventory_hostname`,
   * `inventory_hostname_short`, `group_names`, `inventory_file` and `inventory_dir`. Frozen only
   * by its type: nobody writes into it. A decrypted vault value is a `Secret`.
   */
  readonly vars: Readonly<Record<string, unknown>>;
}

/** Who the hosts are: what the sources say, merged. */
export interface Inventory {
  /** In the order in which the sources name them. */
  readonly hosts: readonly InventoryHost[];
  /** Group to the names of its hosts and of those of its descendants; with `all` and `ungrouped`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /**
   * The hosts that an Ansible pattern names, each once, in inventory order of the first part
   * that names it. Throws a `CaravanError` of kind `input` when nothing matches or the pattern
   * cannot be read, naming groups and hosts that come near.
   */
  select(pattern: string): readonly InventoryHost[];
}
