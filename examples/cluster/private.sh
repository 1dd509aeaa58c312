# Run in each Kubo container before its daemon: nobody else's node is asked for, nothing is announced.
ipfs bootstrap rm --all >/dev/null
ipfs config --json AutoConf.Enabled false
ipfs config --json AutoTLS.Enabled false
ipfs config --json DNS.Resolvers '{}'
ipfs config Routing.Type none
ipfs config --json Routing.DelegatedRouters '[]'
ipfs config --json Ipns.DelegatedPublishers '[]'
ipfs config --json Swarm.RelayClient.Enabled false
ipfs config --json Swarm.EnableHolePunching false
ipfs config --json Swarm.Transports.Network.Websocket false
ipfs config Datastore.StorageMax 100GB
