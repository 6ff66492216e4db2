#include "tests/sim/conformance_rows.h"

// Rows about versions, creation, life and changes of containers; and the whole table.
namespace fairlead::sim {
namespace rows {
namespace {

std::vector<Row> negotiation() {
  return {
      {"a version beyond the engine's is refused",
       {get("/v1.99/containers/json", 400)
            .says("client version 1.99 is too new. Maximum supported API version is 1.4")}},
      {"a version before the engine's is refused, not as JSON",
       {get("/v1.11/containers/json", 400).says("client version 1.11 is too old. Minimum")}},
      {"ping answers without a version", {get("/_ping").says("OK")}},
      {"version says the newest and the oldest",
       {get("/version")
            .is_older("ApiVersion", "1.41")
            .is_newer("ApiVersion", "1.45")
            .is_older("MinAPIVersion", "1.12")
            .is_newer("MinAPIVersion", "1.24")}},
      {"an unknown path is 404", {get("/nosuch", 404).says("page not found")}},
      {"an unknown filter is refused",
       {get(R"(/containers/json?filters={"bogus":["x"]})", 400)
            .says_older("Invalid filter 'bogus'")
            .says_newer("invalid filter 'bogus'")}},
      {"a filter that is no JSON is refused",
       {get("/containers/json?filters=bad", 500).newer(400).says_newer("invalid filter")}},
  };
}

std::vector<Row> creation() {
  return {
      {"create, inspect and list say what was asked, normalised",
       {create("a", body(sleeps,
                         R"("Memory":67108864,"NanoCpus":500000000,"PidsLimit":50,"Init":true,)" +
                             policy)),
        get("/containers/$a/json")
            .keep("id", "Id")
            .is("Name", "/$a")
            .is("State.Status", "created")
            .is("State.Running", false)
            .is("State.Pid", 0)
            .is("State.ExitCode", 0)
            .is("State.StartedAt", "0001-01-01T00:00:00Z")
            .is("RestartCount", 0)
            .is("HostConfig.Memory", 67108864)
            .is("HostConfig.MemorySwap", 134217728)
            .is("HostConfig.NanoCpus", 500000000)
            .is("HostConfig.PidsLimit", 50)
            .is("HostConfig.RestartPolicy.Name", "unless-stopped")
            .is("Config.Image", "$image")
            .is("Config.Labels.owner", "conf")
            .is("Path", "sleep")
            .is("Args.0", "1000")
            .is("NetworkSettings.Networks.bridge.IPAddress", ""),
        get(R"(/containers/json?all=1&filters={"id":["{id}"]})")
            .is("0.Names.0", "/$a")
            .is("0.State", "created")
            .is("0.Status", "Created")
            .is("0.Labels.owner", "conf")
            .is("0.Command", "sleep 1000")
            .is("0.NetworkSettings.Networks.bridge.IPAddress", "")
            .is("1", Json()),
        get("/containers/{id}/json").is("Name", "/$a"), events("container create")}},
      {"without limits the engine sets none",
       {create("a", body(sleeps)), get("/containers/$a/json")
                                       .is("HostConfig.Memory", 0)
                                       .is("HostConfig.MemorySwap", 0)
                                       .is("HostConfig.PidsLimit", Json())
                                       .is_older("HostConfig.RestartPolicy.Name", "")
                                       .is_newer("HostConfig.RestartPolicy.Name", "no")}},
      {"a name is an atomic lock",
       {create("a", body(sleeps)).keep("id", "Id"),
        create("a", body(sleeps), 409)
            .says(R"(Conflict. The container name "/$a" is already in use by container "{id}". )"
                  "You have to remove (or rename) that container to be able to reuse that name.")}},
      {"a missing image is 404",
       {create("a", R"({"Image":"fairlead-test/nosuch:1","Cmd":["x"]})", 404)
            .says("No such image: fairlead-test/nosuch:1")}},
      {"no command is 400",
       {create("a", R"({"Image":"$image"})", 400)
            .says_older("No command specified")
            .says_newer("no command specified")}},
      {"bad names are 400",
       {post("/containers/create?name=f", 400, body(sleeps))
            .says("Invalid container name (f), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
        post("/containers/create?name=a/b", 400, body(sleeps))
            .says("Invalid container name (a/b)")}},
      {"a body that is no JSON is refused",
       {create("a", R"({"Image":)", 500).newer(400).says("unexpected EOF"),
        create("a", body(sleeps, R"("Memory":"64m")"), 500)
            .newer(400)
            .says("json: cannot unmarshal string into Go struct field")}},
  };
}

std::vector<Row> creation_values() {
  return {
      {"too little memory is 400",
       {create("a", body(sleeps, R"("Memory":1048576)"), 400)
            .says("Minimum memory limit allowed is 6MB")}},
      {"a missing bind source is 400 at create",
       {create("a",
               body(sleeps, R"("Mounts":[{"Type":"bind","Source":"/nosuchdir","Target":"/x"}])"),
               400)
            .says(R"(invalid mount config for type "bind": bind source path does not exist: )"
                  "/nosuchdir")}},
      {"a relative mount target is 400",
       {create("a", body(sleeps, R"("Mounts":[{"Type":"volume","Source":"$v","Target":"x"}])"), 400)
            .says("mount path must be absolute")}},
      {"an unknown restart policy is 400",
       {create("a", body(sleeps, R"("RestartPolicy":{"Name":"bogus"})"), 400)
            .says("invalid restart policy"),
        create("a", body(sleeps, R"("RestartPolicy":{"Name":"no","MaximumRetryCount":3})"), 400)
            .says("maximum retry count can")}},
      {"automatic removal and a restart policy exclude each other",
       {create("a", body(sleeps, R"("AutoRemove":true,)" + policy), 400)
            .says("can't create 'AutoRemove' container with restart policy")}},
      {"an unknown log option is 400",
       {create("a", body(sleeps, R"("LogConfig":{"Type":"json-file","Config":{"foo":"1"}})"), 400)
            .says("unknown log opt 'foo' for json-file log driver")}},
      {"a health interval below 1 ms is 400",
       {create("a", body(sleeps, "", R"("Healthcheck":{"Test":["CMD","true"],"Interval":1000})"),
               400)
            .says("Interval in Healthcheck cannot be less than 1ms")}},
      {"what an image says is inherited, and what a create says wins",
       {create("a", R"({"Image":"$labelled","Labels":{"own":"1"},"Env":["B=2"]})"),
        get("/containers/$a/json")
            .is("Config.Labels.inherited", "image")
            .is("Config.Labels.own", "1")
            .is("Config.Cmd.0", "sleep")
            .is("Config.Env.0", "B=2")
            .is("Config.Env.1", "A=image")
            .is("Config.Healthcheck.Interval", 1000000000),
        create("b", R"({"Image":"$labelled","Labels":{"inherited":"own"},"Env":["A=own"]})"),
        get("/containers/$b/json")
            .is("Config.Labels.inherited", "own")
            .is("Config.Env.0", "A=own")
            .is("Config.Env.1", Json())}},
      {"health checks of an image start by themselves",
       {create("a", R"({"Image":"$labelled"})"), act("a", "start", 204),
        get("/containers/$a/json")
            .is("State.Health.Status", "starting")
            .is("State.Health.FailingStreak", 0),
        get("/containers/$a/json").is("State.Health.Status", "healthy").within(seconds(10))}},
  };
}

std::vector<Row> starts_and_stops() {
  return {
      {"start, start again, stop, stop again",
       {create("a", body(sleeps)), act("a", "start", 204), act("a", "start", 304),
        state("a", "running").is("State.Running", true).is("State.ExitCode", 0),
        get(R"(/containers/json?filters={"name":["$a"]})")
            .is("0.State", "running")
            .is("0.Status", "Up Less than a second"),
        act("a", "stop?t=0", 204), act("a", "stop?t=0", 304),
        state("a", "exited").is("State.ExitCode", 137).is("State.Pid", 0),
        get(R"(/containers/json?all=1&filters={"name":["$a"]})")
            .is("0.Status", "Exited (137) Less than a second ago"),
        get(R"(/containers/json?filters={"name":["$a"]})").is("0", Json()),
        events("container create, container start, container kill 15, container kill 9, "
               "container die 137, container stop")}},
      {"stop of what was never started is 304",
       {create("a", body(sleeps)), act("a", "stop", 304), state("a", "created")}},
      {"a program that minds TERM stops at once, with its own code",
       {create("a", body(traps)), act("a", "start", 204), wait(seconds(1)),
        act("a", "stop?t=30", 204), state("a", "exited").is("State.ExitCode", 0),
        events("container create, container start, container kill 15, container die 0, "
               "container stop")}},
      {"an init minds TERM for a program that does not",
       {create("a", body(sleeps, R"("Init":true)")), act("a", "start", 204), wait(seconds(1)),
        act("a", "stop?t=30", 204), state("a", "exited").is("State.ExitCode", 143)}},
      {"a bad command is 400 at start and stays created",
       {create("a", body(R"(["nosuchcmd"])", policy)),
        act("a", "start", 400).says("exec: \"nosuchcmd\": executable file not found in"),
        state("a", "created").is("State.ExitCode", 127)}},
      {"calls on what is not there are 404",
       {act("x", "start", 404).says("No such container: $x"), act("x", "stop", 404),
        act("x", "kill", 404).says_older("Cannot kill container: $x: No such container: $x"),
        act("x", "pause", 404), act("x", "unpause", 404), act("x", "restart", 404),
        act("x", "rename?name=$y", 404), post("/containers/$x/update", 404, "{}"),
        get("/containers/$x/json", 404), get("/containers/$x/logs?stdout=1", 404),
        del("/containers/$x", 404), del("/containers/$x?force=1", 404)}},
      {"kill ends it and holds its restart policy",
       {create("a", body(sleeps, policy)), act("a", "start", 204), act("a", "kill", 204),
        state("a", "exited").is("State.ExitCode", 137), wait(milliseconds(500)),
        state("a", "exited"), act("a", "kill", 409).says("$a").says("is not running"),
        events("container create, container start, container kill 9, container die 137")}},
      {"an unknown signal is 400",
       {create("a", body(sleeps)), act("a", "start", 204),
        act("a", "kill?signal=BOGUS", 400).says("nvalid signal: BOGUS")}},
      {"pause and unpause, and what is refused meanwhile",
       {create("a", body(sleeps)), act("a", "pause", 409).says("is not running"),
        act("a", "start", 204), act("a", "unpause", 500).says("is not paused"),
        act("a", "pause", 204),
        state("a", "paused").is("State.Running", true).is("State.Paused", true),
        get(R"(/containers/json?filters={"name":["$a"]})")
            .is("0.State", "paused")
            .is("0.Status", "Up Less than a second (Paused)"),
        act("a", "pause", 409).says("is already paused"),
        act("a", "start", 409).says("cannot start a paused container, try unpause instead"),
        del("/containers/$a", 409).says("paused"), act("a", "unpause", 204), state("a", "running"),
        events("container create, container start, container pause, container unpause")}},
      {"a paused container can be stopped",
       {create("a", body(sleeps)), act("a", "start", 204), act("a", "pause", 204),
        act("a", "stop?t=1", 204), state("a", "exited").is("State.Paused", false)}},
  };
}

std::vector<Row> restarts_and_removals() {
  return {
      {"restart of a running, of a stopped and of a created container",
       {create("a", body(sleeps)), act("a", "restart?t=0", 204), state("a", "running"),
        act("a", "restart?t=0", 204), state("a", "running").is("RestartCount", 0),
        act("a", "stop?t=0", 204), act("a", "restart?t=0", 204), state("a", "running"),
        events("container create, container start, container restart, container kill 15, "
               "container kill 9, container die 137, container stop, container start, "
               "container restart, container kill 15, container kill 9, container die 137, "
               "container stop, container start, container restart")}},
      {"removing a running container needs force",
       {create("a", body(sleeps)).keep("id", "Id"), act("a", "start", 204),
        del("/containers/$a", 409)
            .says_older("You cannot remove a running container {id}. Stop the container before "
                        "attempting removal or force remove")
            .says_newer("cannot remove container \"/$a\": container is running: stop the container "
                        "before removing or force remove"),
        del("/containers/$a?force=1", 204), del("/containers/$a?force=1", 404),
        events("container create, container start, container kill 9, container die 137, "
               "container destroy")}},
      {"removing a created container emits destroy alone",
       {create("a", body(sleeps)), del("/containers/$a", 204),
        events("container create, container destroy")}},
  };
}

std::vector<Row> crash_loops_and_logs() {
  return {
      {"a crash loop is running and restarting at once",
       {create("a", body(fails, policy)), act("a", "start", 204),
        state("a", "restarting")
            .is("State.Running", true)
            .is("State.Restarting", true)
            .is("State.ExitCode", 3)
            .within(seconds(10)),
        get(R"(/containers/json?filters={"name":["$a"]})")
            .is("0.State", "restarting")
            .within(seconds(10)),
        waits_long("a"), act("a", "start", 304), act("a", "pause", 409),
        del("/containers/$a", 409).says("restarting"), act("a", "stop", 204),
        state("a", "exited").is("State.ExitCode", 3), wait(seconds(2)), state("a", "exited")}},
      {"a kill ends a crash loop without a signal",
       {create("a", body(fails, policy)), act("a", "start", 204), waits_long("a"),
        act("a", "kill", 204), state("a", "exited"), wait(seconds(2)), state("a", "exited")}},
      {"what waits in a crash loop cannot be renamed before it is stopped",
       {create("a", body(fails, policy)), act("a", "start", 204), waits_long("a"),
        act("a", "rename?name=$c", 404).says("sandbox ").says(" not found"),
        get("/containers/$a/json").is("Name", "/$a"), act("a", "stop", 204),
        act("a", "rename?name=$c", 204), get("/containers/$c/json").is("Name", "/$c")}},
      {"a start sets the restart count back",
       {create("a", body(fails, policy)), act("a", "start", 204), waits_long("a"),
        act("a", "stop", 204), act("a", "start", 204),
        get("/containers/$a/json").is("RestartCount", 3).within(seconds(10))}},
      {"on-failure ends with its count, and not for code 0",
       {create("a", body(R"(["false"])",
                         R"("RestartPolicy":{"Name":"on-failure","MaximumRetryCount":2})")),
        create("b", body(R"(["true"])", R"("RestartPolicy":{"Name":"on-failure"})")),
        act("a", "start", 204), act("b", "start", 204),
        state("a", "exited").is("RestartCount", 2).is("State.ExitCode", 1).within(seconds(10)),
        wait(seconds(1)), state("a", "exited").is("RestartCount", 2),
        state("b", "exited").is("RestartCount", 0).is("State.ExitCode", 0)}},
      {"logs come in frames, the last of them first asked",
       {create("a", body(fails)), act("a", "start", 204), state("a", "exited").within(seconds(10)),
        get("/containers/$a/logs?stdout=1&stderr=1&tail=1").says("out\n"),
        get("/containers/$a/logs", 400).says("you must choose at least one stream")}},
      {"a container that never ran has no log lines",
       {create("a", body(sleeps)), get("/containers/$a/logs?stdout=1&stderr=1").is("", Json())}},
  };
}

std::vector<Row> changes() {
  const std::string update = "/containers/$a/update";
  return {
      {"rename moves the lock",
       {create("a", body(sleeps)), create("b", body(sleeps)),
        act("a", "rename?name=$b", 409)
            .says("Conflict. The container name \"/$b\" is already in use"),
        act("a", "rename?name=", 400).says("Neither old nor new names may be empty"),
        act("a", "rename?name=$a", 400)
            .says("Renaming a container with the same name as its current name"),
        act("a", "rename?name=$c", 204), get("/containers/$a/json", 404),
        get("/containers/$c/json").is("Name", "/$c"), create("a", body(sleeps)),
        events("container create, container create, container rename, container create")}},
      {"memory above the swap needs both",
       {create("a", body(sleeps, R"("Memory":67108864)")), act("a", "start", 204),
        post(update, 409, R"({"Memory":268435456})")
            .says("Memory limit should be smaller than already set memoryswap limit, update the "
                  "memoryswap at the same time"),
        post(update, 200, R"({"Memory":134217728})"),
        get("/containers/$a/json")
            .is("HostConfig.Memory", 134217728)
            .is("HostConfig.MemorySwap", 134217728),
        post(update, 200, R"({"Memory":268435456,"MemorySwap":268435456})"),
        post(update, 400, R"({"Memory":1000})").says("Minimum memory limit allowed is 6MB"),
        post(update, 400, R"({"Memory":-1,"MemorySwap":-1})")
            .says("Minimum memory limit allowed is 6MB"),
        post(update, 200, R"({"Memory":0,"MemorySwap":0})"),
        get("/containers/$a/json")
            .is("HostConfig.Memory", 268435456)
            .is("HostConfig.MemorySwap", 268435456)}},
      {"zero leaves a limit, and frees the number of processes",
       {create("a", body(sleeps, R"("NanoCpus":500000000,"PidsLimit":50)")), act("a", "start", 204),
        post(update, 200, R"({"NanoCpus":0,"PidsLimit":-1})"),
        get("/containers/$a/json")
            .is("HostConfig.NanoCpus", 500000000)
            .is("HostConfig.PidsLimit", 0),
        post(update, 200, R"({"PidsLimit":77})"),
        get("/containers/$a/json").is("HostConfig.PidsLimit", 77)}},
      {"cpus by number and by period exclude each other",
       {create("a", body(sleeps, R"("NanoCpus":500000000)")), act("a", "start", 204),
        post(update, 409, R"({"CpuPeriod":100000,"CpuQuota":50000})")
            .says("CPU Period cannot be updated as NanoCPUs has already been set")}},
      {"a restart policy is changed live",
       {create("a", body(sleeps)), act("a", "start", 204),
        post(update, 200, R"({"RestartPolicy":{"Name":"unless-stopped"}})"),
        get("/containers/$a/json").is("HostConfig.RestartPolicy.Name", "unless-stopped"),
        post(update, 400, R"({"RestartPolicy":{"Name":"bogus"}})").says("invalid restart policy"),
        events("container create, container start, container update")}},
      {"a stopped container is updated too",
       {create("a", body(sleeps)), post(update, 200, R"({"PidsLimit":9})"),
        get("/containers/$a/json").is("HostConfig.PidsLimit", 9),
        events("container create, container update")}},
      {"a file is read from a container that was never started",
       {create("a", body(sleeps, R"("NetworkMode":"none")")),
        get("/containers/$a/archive?path=/bin/busybox").says("ustar"),
        get("/containers/$a/archive?path=/cloud_manifest.yml", 404)
            .says("Could not find the file /cloud_manifest.yml in container $a"),
        get("/containers/$x/archive?path=/cloud_manifest.yml", 404).says("No such container: $x"),
        state("a", "created")}},
      {"a second stop with a shorter grace wins",
       {create("a", body(sleeps)), act("a", "start", 204), act("a", "kill?signal=HUP", 204),
        act("a", "stop?t=1", 204), state("a", "exited").is("State.ExitCode", 137)}},
  };
}

}  // namespace
}  // namespace rows

const std::vector<ConformanceRow>& conformance_table() {
  static const std::vector<ConformanceRow> table = [] {
    std::vector<ConformanceRow> all;
    for (auto* group :
         {rows::negotiation, rows::creation, rows::creation_values, rows::starts_and_stops,
          rows::restarts_and_removals, rows::crash_loops_and_logs, rows::changes, rows::networks,
          rows::volumes_and_images, rows::health}) {
      for (ConformanceRow& row : group()) all.push_back(std::move(row));
    }
    return all;
  }();
  return table;
}

}  // namespace fairlead::sim
