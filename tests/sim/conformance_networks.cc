#include <utility>

#include "tests/sim/conformance_rows.h"

// Rows about networks, volumes, images and health.
namespace fairlead::sim::rows {
namespace {

std::vector<Row> network_creation() {
  const std::string connect = "/networks/$n/connect";
  const std::string a = R"({"Container":"$a"})";
  return {
      {"a network says what was asked, without a gateway of its own",
       {network("n", "10.214.7.0/26").keep("id", "Id").is("Warning", ""),
        get("/networks/$n")
            .is("Name", "$n")
            .is("Id", "{id}")
            .is("Driver", "bridge")
            .is("Labels.owner", "conf")
            .is("IPAM.Config.0.Subnet", "10.214.7.0/26")
            .is("IPAM.Config.0.Gateway", Json())
            .is("Scope", "local"),
        get(R"(/networks?filters={"name":["^$n"]})").is("0.Name", "$n").is("1", Json()),
        get(R"(/networks?filters={"label":["owner=conf"]})").is("0.Name", "$n"),
        del("/networks/{id}", 204), del("/networks/{id}", 404).says("network {id} not found"),
        events("network create, network destroy")}},
      {"a range and a gateway are kept",
       {post("/networks/create", 201,
             R"({"Name":"$n","IPAM":{"Config":[{"Subnet":"10.214.7.0/26","Gateway":"10.214.7.1",)"
             R"("IPRange":"10.214.7.32/27"}]}})"),
        get("/networks/$n")
            .is("IPAM.Config.0.Gateway", "10.214.7.1")
            .is("IPAM.Config.0.IPRange", "10.214.7.32/27"),
        create("a", body(sleeps, mode("n"))), act("a", "start", 204),
        get("/containers/$a/json").is("NetworkSettings.Networks.$n.IPAddress", "10.214.7.32"),
        create("b", body(sleeps, mode("n"), on("n", "10.214.7.1"))),
        act("b", "start", 403).says("Address already in use")}},
      {"a name is taken only once where that is asked for",
       {network("n", "10.214.7.0/26"),
        network("n", "10.214.8.0/26", 409).says("network with name $n already exists")}},
      {"on 1.41 names are not unique by themselves, and ambiguous afterwards",
       {network("n", "10.214.7.0/26").older_only(),
        post("/networks/create", 201, R"({"Name":"$n"})")
            .older_only()
            .keep("id", "Id")
            .says("already exists"),
        get("/networks/$n", 400)
            .older_only()
            .says("2 matches found based on name: network $n is ambiguous"),
        create("a", body(sleeps, mode("n"))).older_only(),
        act("a", "start", 400)
            .older_only()
            .says("network $n is ambiguous (2 matches found on name)"),
        post(connect, 200, a).older_only(),
        del("/networks/$n", 400)
            .older_only()
            .says("network $n is ambiguous (2 matches found based on name)"),
        del("/networks/{id}", 204).older_only(), get("/networks/$n").older_only(),
        post("/networks/create", 201, R"({"Name":"$m"})").newer_only(),
        post("/networks/create", 409, R"({"Name":"$m"})").newer_only()}},
      {"an overlapping subnet is 403",
       {network("n", "10.214.7.0/26"),
        network("m", "10.214.7.0/26", 403)
            .says("Pool overlaps with other one on this address space"),
        network("m", "10.214.0.0/16", 403)
            .says("Pool overlaps with other one on this address space")}},
      {"a subnet with host bits is refused on 1.45",
       {network("n", "10.214.9.5/26", 201)
            .newer(400)
            .says_newer("invalid subnet 10.214.9.5/26: it should be 10.214.9.0/26"),
        get("/networks/$n").newer(404).is_older("IPAM.Config.0.Subnet", "10.214.9.5/26")}},
  };
}

std::vector<Row> addresses_at_create() {
  return {
      {"missing networks are 404, the engine's own is 403",
       {get("/networks/$x", 404).says("network $x not found"),
        del("/networks/$x", 404).says("network $x not found"),
        del("/networks/bridge", 403).says("bridge is a pre-defined network and cannot be removed"),
        post("/networks/create", 500, R"({"Name":""})").newer(400).says("invalid name: "),
        post("/networks/create", 404, R"({"Name":"$n","Driver":"nosuch"})")
            .says("plugin \"nosuch\" not found")}},
      {"a missing network is found out at start",
       {create("a", body(sleeps, mode("x"))), act("a", "start", 404).says("network $x not found"),
        state("a", "created").is("State.ExitCode", 128).is("State.Error", "network $x not found")}},
      {"a fixed address is held while it runs, and freed after",
       {network("n", "10.214.7.0/26"),
        create("a", body(sleeps, mode("n"), on("n", "10.214.7.9", R"(["web"])"))),
        create("b", body(sleeps, mode("n"), on("n", "10.214.7.9"))), act("a", "start", 204),
        get("/containers/$a/json")
            .is("NetworkSettings.Networks.$n.IPAddress", "10.214.7.9")
            .is("NetworkSettings.Networks.$n.IPPrefixLen", 26)
            .is("NetworkSettings.Networks.$n.Gateway", "10.214.7.1")
            .is("NetworkSettings.Networks.$n.IPAMConfig.IPv4Address", "10.214.7.9")
            .is("NetworkSettings.Networks.$n.Aliases.0", "web")
            .keep("net", "NetworkSettings.Networks.$n.NetworkID"),
        act("b", "start", 403).says("Address already in use"),
        state("b", "created").is("State.ExitCode", 128).is("State.Error", "Address already in use"),
        act("a", "stop?t=0", 204),
        get("/containers/$a/json")
            .is("NetworkSettings.Networks.$n.IPAddress", "")
            .is("NetworkSettings.Networks.$n.IPAMConfig.IPv4Address", "10.214.7.9"),
        act("b", "start", 204),
        state("b", "running").is("State.Error", "").is("State.ExitCode", 0)}},
      {"a fixed address needs a subnet of the user's",
       {network("n", ""), create("a", body(sleeps, mode("n"), on("n", "10.9.9.9")), 201).newer(400),
        act("a", "start", 400)
            .older_only()
            .says("user specified IP address is supported only when connecting to networks with "
                  "user configured subnets")}},
      {"a fixed address outside the subnet",
       {network("n", "10.214.7.0/26"),
        create("a", body(sleeps, mode("n"), on("n", "10.99.9.9")), 201).newer(400),
        act("a", "start", 500)
            .older_only()
            .says("Invalid address 10.99.9.9: It does not belong to any "
                  "of this network's subnets")}},
      {"two networks in one create are for 1.44",
       {network("n", "10.214.7.0/26"), network("m", "10.214.8.0/26"),
        create(
            "a",
            body(sleeps, mode("n"), R"("NetworkingConfig":{"EndpointsConfig":{"$m":{},"$n":{}}})"),
            400)
            .newer(201)
            .says_older("Container cannot be connected to network endpoints: $")}},
  };
}

std::vector<Row> attachment() {
  const std::string connect = "/networks/$n/connect";
  const std::string disconnect = "/networks/$n/disconnect";
  const std::string a = R"({"Container":"$a"})";
  return {
      {"a network in use is not removed, an unused one under a stopped container is",
       {network("n", "10.214.7.0/26").keep("id", "Id"), create("a", body(sleeps, mode("n"))),
        act("a", "start", 204),
        del("/networks/$n", 403)
            .says("error while removing network: network $n id {id} has active endpoints"),
        act("a", "stop?t=0", 204), del("/networks/$n", 204),
        act("a", "start", 404).says("network {id} not found")}},
      {"a network made anew is not the one that a container was on",
       {network("n", "10.214.7.0/26").keep("id", "Id"),
        create("a", body(sleeps, mode("n"), on("n", "10.214.7.9"))), act("a", "start", 204),
        act("a", "stop?t=0", 204), del("/networks/$n", 204), network("n", "10.214.7.0/26"),
        act("a", "start", 404).says("network {id} not found"),
        post(disconnect, 200, R"({"Container":"$a","Force":true})"),
        post(connect, 200,
             R"({"Container":"$a","EndpointConfig":{"IPAMConfig":{"IPv4Address":"10.214.7.9"}}})"),
        act("a", "start", 204),
        get("/containers/$a/json").is("NetworkSettings.Networks.$n.IPAddress", "10.214.7.9")}},
      {"connect and disconnect of a running container",
       {network("n", "10.214.7.0/26"), create("a", body(sleeps)), act("a", "start", 204),
        post(connect, 200,
             R"({"Container":"$a","EndpointConfig":{"Aliases":["y"],)"
             R"("IPAMConfig":{"IPv4Address":"10.214.7.20"}}})"),
        get("/containers/$a/json")
            .is("NetworkSettings.Networks.$n.IPAddress", "10.214.7.20")
            .is("NetworkSettings.Networks.$n.Aliases.0", "y"),
        get(R"(/containers/json?filters={"name":["$a"]})")
            .is("0.NetworkSettings.Networks.$n.IPAddress", "10.214.7.20"),
        post(connect, 403, a).says("endpoint with name $a already exists in network $n"),
        post(disconnect, 200, a),
        get("/containers/$a/json").is("NetworkSettings.Networks.$n", Json()),
        post(disconnect, 500, a).says("is not connected to network $n"),
        post(connect, 404, R"({"Container":"$x"})").says("No such container: $x"),
        post("/networks/$x/connect", 404, a).says("network $x not found"),
        post(disconnect, 404, R"({"Container":"$x"})").says("No such container: $x"),
        post("/networks/$x/disconnect", 404, a).says("network $x not found")}},
      {"the home network can be taken away and given back",
       {network("n", "10.214.7.0/26"), create("a", body(sleeps, mode("n"), on("n", "10.214.7.9"))),
        act("a", "start", 204), post(disconnect, 200, R"({"Container":"$a","Force":true})"),
        state("a", "running")
            .is("NetworkSettings.Networks.$n", Json())
            .is("HostConfig.NetworkMode", "$n"),
        post(connect, 200,
             R"({"Container":"$a","EndpointConfig":{"IPAMConfig":{"IPv4Address":"10.214.7.9"}}})"),
        get("/containers/$a/json").is("NetworkSettings.Networks.$n.IPAddress", "10.214.7.9")}},
      {"a stopped container is connected on paper only",
       {network("n", "10.214.7.0/26"), create("a", body(sleeps)), post(connect, 200, a),
        post(connect, 200, a),
        get("/containers/$a/json").is("NetworkSettings.Networks.$n.IPAddress", ""),
        get("/networks/$n").is("Containers", Json::object()), post(disconnect, 200, a),
        post(disconnect, 500, a).says("is not connected to the network $n")}},
      {"events of a life on a network",
       {network("n", "10.214.7.0/26"), create("a", body(sleeps, mode("n"))), act("a", "start", 204),
        del("/containers/$a?force=1", 204), del("/networks/$n", 204),
        events("network create, container create, network connect, container start, "
               "container kill 9, container die 137, network disconnect, container destroy, "
               "network destroy",
               "network create, container create, network connect, container start, "
               "container kill 9, network disconnect, container die 137, container destroy, "
               "network destroy")}},
  };
}

std::vector<Row> host_ports() {
  return {
      {"a host port is taken once",
       {create("a", body(sleeps,
                         R"("PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"18097"}]})",
                         R"("ExposedPorts":{"80/tcp":{}})")),
        create("b", body(sleeps,
                         R"("PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"18097"}]})",
                         R"("ExposedPorts":{"80/tcp":{}})")),
        act("a", "start", 204),
        get("/containers/$a/json")
            .is("NetworkSettings.Ports.80/tcp.0.HostPort", "18097")
            .is("NetworkSettings.Ports.80/tcp.0.HostIp", "127.0.0.1"),
        get(R"(/containers/json?filters={"name":["$a"]})")
            .is("0.Ports.0.PublicPort", 18097)
            .is("0.Ports.0.PrivatePort", 80)
            .is("0.Ports.0.IP", "127.0.0.1"),
        act("b", "start", 500)
            .says("driver failed programming external connectivity on endpoint $b (")
            .says("Bind for 127.0.0.1:18097 failed: port is already allocated"),
        state("b", "created").is("State.ExitCode", 128)}},
  };
}

}  // namespace

std::vector<Row> networks() {
  std::vector<Row> all;
  for (auto* group : {network_creation, addresses_at_create, attachment, host_ports}) {
    for (Row& row : group()) all.push_back(std::move(row));
  }
  return all;
}

std::vector<Row> volumes_and_images() {
  const std::string mounts = R"("Mounts":[{"Type":"volume","Source":"$v","Target":"/data"}])";
  return {
      {"a volume create adopts what is there",
       {post("/volumes/create", 201, R"({"Name":"$v","Labels":{"owner":"conf"}})")
            .is("Name", "$v")
            .is("Labels.owner", "conf")
            .is("Driver", "local"),
        post("/volumes/create", 201, R"({"Name":"$v","Labels":{"owner":"other"}})")
            .is("Labels.owner", "conf"),
        get("/volumes/$v").is("Labels.owner", "conf").is("Options", Json()),
        get(R"(/volumes?filters={"label":["owner=conf"],"name":["^$v"]})")
            .is("Volumes.0.Name", "$v")
            .is("Warnings", Json()),
        get(R"(/volumes?filters={"label":["nosuch"]})").is("Volumes", Json::array()),
        events("volume create, volume create", "volume create")}},
      {"bad volume names are 400",
       {post("/volumes/create", 400, R"({"Name":"x"})").says("volume name is too short"),
        post("/volumes/create", 400, R"({"Name":"a/b"})").says("includes invalid characters")}},
      {"a missing volume is 404",
       {get("/volumes/$x", 404).says("get $x: no such volume"),
        del("/volumes/$x", 404).says("get $x: no such volume")}},
      {"a volume in use is not removed, and survives its container",
       {post("/volumes/create", 201, R"({"Name":"$v"})"),
        create("a", body(sleeps, mounts)).keep("id", "Id"),
        del("/volumes/$v", 409).says("remove $v: volume is in use - [{id}]"),
        del("/volumes/$v?force=1", 409),
        get("/containers/$a/json")
            .is("Mounts.0.Type", "volume")
            .is("Mounts.0.Name", "$v")
            .is("Mounts.0.Destination", "/data")
            .is("Mounts.0.RW", true)
            .is("HostConfig.Mounts.0.Source", "$v"),
        del("/containers/$a?v=1", 204), get("/volumes/$v"), del("/volumes/$v", 204),
        del("/volumes/$v", 404)}},
      {"a create makes the volume that is missing, without labels",
       {create("a", body(sleeps, mounts)), get("/volumes/$v").is("Labels", Json()),
        events("volume create, container create")}},
      {"events of a life with a volume",
       {create("a", body(sleeps, mounts)), act("a", "start", 204),
        del("/containers/$a?force=1", 204),
        events("volume create, container create, volume mount, container start, container kill 9, "
               "container die 137, volume unmount, container destroy",
               "volume create, container create, volume mount, container start, container kill 9, "
               "container die 137, volume unmount, container destroy")}},
      {"images are found by reference and by id",
       {get("/images/$image/json").keep("id", "Id").is("RepoTags.0", "$image"),
        get("/images/{id}/json").is("RepoTags.0", "$image"),
        get("/images/$labelled/json").is("Config.Labels.inherited", "image"),
        get("/images/fairlead-test/nosuch:1/json", 404)
            .says_older(
                "no such image: fairlead-test/nosuch:1: No such image: fairlead-test/nosuch:1")
            .says_newer("No such image: fairlead-test/nosuch:1")}},
      {"a reference with capitals is 400",
       {post("/images/create?fromImage=Bad&tag=1", 400).says("must be lowercase")}},
  };
}

std::vector<Row> health() {
  const std::string command = R"(["sh","-c","sleep 2; echo ok > /h; sleep 3; rm /h; sleep 1000"])";
  const std::string check =
      R"("Healthcheck":{"Test":["CMD-SHELL","cat /h"],"Interval":300000000,"Retries":2,)"
      R"("Timeout":1000000000})";
  return {
      {"health follows its probes",
       {create("a", body(command, "", check)),
        get("/containers/$a/json").is("State.Health", Json()), act("a", "start", 204),
        get("/containers/$a/json").is("State.Health.Status", "starting"),
        get(R"(/containers/json?filters={"name":["$a"]})")
            .is("0.Status", "Up Less than a second (health: starting)"),
        get("/containers/$a/json").is("State.Health.Status", "unhealthy").within(seconds(10)),
        get("/containers/$a/json")
            .is("State.Health.Status", "healthy")
            .within(seconds(10))
            .is("State.Health.FailingStreak", 0),
        get("/containers/$a/json").is("State.Health.Status", "unhealthy").within(seconds(10)),
        act("a", "stop?t=0", 204),
        get("/containers/$a/json").is("State.Health.Status", "unhealthy"),
        events("container create, container start, container health_status: unhealthy, "
               "container health_status: healthy, container health_status: unhealthy, "
               "container kill 15, container kill 9, container die 137, container stop")}},
      {"a pause and a stop make unhealthy, a start makes starting",
       {create("a", R"({"Image":"$labelled","StopTimeout":1})"), act("a", "start", 204),
        get("/containers/$a/json").is("State.Health.Status", "healthy").within(seconds(10)),
        act("a", "pause", 204), get("/containers/$a/json").is("State.Health.Status", "unhealthy"),
        act("a", "unpause", 204),
        get("/containers/$a/json").is("State.Health.Status", "healthy").within(seconds(10)),
        act("a", "stop?t=0", 204),
        get("/containers/$a/json").is("State.Health.Status", "unhealthy"), act("a", "start", 204),
        get("/containers/$a/json").is("State.Health.Status", "starting")}},
      {"in the start period 1.45 probes at the start interval, where one is given",
       {create("a", body(sleeps, "",
                         R"("Healthcheck":{"Test":["CMD","true"],"Interval":300000000,)"
                         R"("StartPeriod":20000000000})")),
        create("b", body(sleeps, "",
                         R"("Healthcheck":{"Test":["CMD","true"],"Interval":30000000000,)"
                         R"("StartPeriod":20000000000,"StartInterval":300000000})"))
            .newer_only(),
        act("a", "start", 204), act("b", "start", 204).newer_only(),
        get("/containers/$a/json").is("State.Health.Status", "healthy").within(seconds(4)),
        get("/containers/$b/json")
            .newer_only()
            .is("State.Health.Status", "healthy")
            .within(seconds(4))}},
  };
}

}  // namespace fairlead::sim::rows
