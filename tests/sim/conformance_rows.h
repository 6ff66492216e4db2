#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/sim/conformance.h"

// Short words to write the conformance table's rows with, and the groups it is made of. "a" and "b"
// are containers, "n" and "m" networks, "v" and "w" volumes, "x" is never there.
namespace fairlead::sim::rows {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Row = ConformanceRow;
using Step = ConformanceStep;

inline Step call(const std::string& method, const std::string& path, int status,
                 const std::string& body = "") {
  Step step;
  step.method = method;
  step.path = path;
  step.status = status;
  step.body = body;
  return step;
}
inline Step get(const std::string& path, int status = 200) { return call("GET", path, status); }
inline Step post(const std::string& path, int status, const std::string& body = "") {
  return call("POST", path, status, body);
}
inline Step del(const std::string& path, int status) { return call("DELETE", path, status); }
inline Step wait(Duration time) {
  Step step;
  step.pass = time;
  return step;
}
// What happens to a container's network and volumes, and its stop, is said before its death on 1.45
// and after it on 1.41; rows are written in the order of 1.41.
inline std::string newer_order(std::string text) {
  for (const char* item : {", network disconnect", ", volume unmount", ", container stop"}) {
    for (std::size_t from = 0;;) {
      const std::size_t die = text.find(", container die ", from);
      if (die == std::string::npos) break;
      const std::size_t end = std::min(text.find(',', die + 1), text.size());
      from = end;
      if (text.compare(end, std::string(item).size(), item) != 0) continue;
      const std::string death = text.substr(die, end - die);
      text.erase(die, end - die).insert(die + std::string(item).size(), death);
    }
  }
  return text;
}
inline Step events(const std::string& older, const std::string& newer = "") {
  Step step = call("EVENTS", "", 0, older);
  step.events_newer = newer_order(newer.empty() ? older : newer);
  return step;
}

// A create body: the command, HostConfig's members, and further members, each as JSON text.
inline std::string body(const std::string& cmd, const std::string& host = "",
                        const std::string& more = "") {
  return R"({"Image":"$image","Cmd":)" + cmd + R"(,"StopTimeout":1,"Labels":{"owner":"conf"},)" +
         R"("HostConfig":{)" + host + "}" + (more.empty() ? "" : "," + more) + "}";
}
inline const std::string sleeps = R"(["sleep","1000"])";
inline const std::string traps = R"(["sh","-c","trap 'exit 0' TERM; sleep 1000 & wait"])";
inline const std::string fails = R"(["sh","-c","echo out; exit 3"])";

inline Step create(const std::string& name, const std::string& json, int status = 201) {
  return post("/containers/create?name=$" + name, status, json);
}
inline Step act(const std::string& name, const std::string& verb, int status) {
  return post("/containers/$" + name + "/" + verb, status);
}
inline Step state(const std::string& name, const std::string& wanted) {
  return get("/containers/$" + name + "/json").is("State.Status", wanted);
}
// In a crash loop, before the sixth run: nothing changes for 1.6 s.
inline Step waits_long(const std::string& name) {
  return state(name, "restarting").is("RestartCount", 5).within(seconds(20));
}
inline Step network(const std::string& name, const std::string& subnet, int status = 201) {
  const std::string ipam =
      subnet.empty() ? "" : R"(,"IPAM":{"Config":[{"Subnet":")" + subnet + "\"}]}";
  return post(
      "/networks/create", status,
      R"({"Name":"$)" + name + R"(","CheckDuplicate":true,"Labels":{"owner":"conf"})" + ipam + "}");
}
inline std::string on(const std::string& network_name, const std::string& address = "",
                      const std::string& aliases = "[]") {
  const std::string ipam =
      address.empty() ? "" : R"("IPAMConfig":{"IPv4Address":")" + address + "\"},";
  return R"("NetworkingConfig":{"EndpointsConfig":{"$)" + network_name + "\":{" + ipam +
         R"("Aliases":)" + aliases + "}}}";
}
inline std::string mode(const std::string& network_name) {
  return R"("NetworkMode":"$)" + network_name + "\"";
}
inline const std::string policy = R"("RestartPolicy":{"Name":"unless-stopped"})";

std::vector<Row> networks();
std::vector<Row> volumes_and_images();
std::vector<Row> health();

}  // namespace fairlead::sim::rows
