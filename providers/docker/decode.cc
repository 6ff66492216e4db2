#include "providers/docker/decode.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "providers/docker/capabilities.h"
#include "providers/docker/network.h"
#include "reconciler/app.h"
#include "reconciler/source_text.h"
#include "reconciler/units.h"

namespace fairlead::docker {
namespace {

constexpr std::size_t message_max = 400;
constexpr std::size_t log_max = 4096;
// Longer times are not meant, and sums of them would not fit.
constexpr Duration time_max = std::chrono::hours(24 * 7);

std::string first_ipam(const Json& network, const char* key) {
  const auto& configs = network["IPAM"]["Config"].items();
  return configs.empty() ? "" : configs.front()[key].as_string();
}

std::string health_in(std::string_view status) {
  if (status.find("(healthy)") != status.npos) return "healthy";
  if (status.find("(unhealthy)") != status.npos) return "unhealthy";
  if (status.find("(health: starting)") != status.npos) return "starting";
  return "";
}

// A wall-clock time as a steady one: as long ago as it was by the wall clock, and never in the
// future.
Duration steady_of(Duration wall, Instant now) {
  if (wall.count() == 0) return Duration(0);
  return now.steady - std::max(Duration(0), now.wall - wall);
}

// What is not said is 0, and has the engine's default.
std::optional<EngineCheck> check_in(const Json& health) {
  const auto& test = health["Test"].items();
  if (test.empty() || test.front().as_string() == "NONE") return std::nullopt;
  const auto time = [&](const char* key, std::chrono::seconds otherwise) {
    const std::int64_t said = health[key].as_int();
    return said > 0 ? std::min(Duration(said), time_max) : Duration(otherwise);
  };
  const int retries = static_cast<int>(std::min<std::int64_t>(health["Retries"].as_int(), 1000));
  return EngineCheck{time("Interval", std::chrono::seconds(30)),
                     time("Timeout", std::chrono::seconds(30)),
                     time("StartPeriod", std::chrono::seconds(0)), retries > 0 ? retries : 3};
}

std::string tidy(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.size() <= message_max) return text;
  std::size_t end = message_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

std::optional<SeenContainer> decode_container(const Keys& keys, const Json& entry) {
  const Json& labels = entry["Labels"];
  SeenContainer seen;
  seen.identity = claimed_identity("container", labels);
  if (!proven(keys, seen.identity, labels)) return std::nullopt;
  seen.id = entry["Id"].as_string();
  const auto& names = entry["Names"].items();
  if (!names.empty()) seen.name = names.front().as_string();
  if (!seen.name.empty() && seen.name.front() == '/') seen.name.erase(0, 1);
  seen.image_id = entry["ImageID"].as_string();
  seen.fields = labels[label::fields].as_string();
  seen.mounts = labels[label::mounts].as_string();
  seen.state = entry["State"].as_string();
  seen.health = health_in(entry["Status"].as_string());
  std::map<std::string, Endpoint> networks;
  for (const auto& [name, endpoint] : entry["NetworkSettings"]["Networks"].members()) {
    const std::string& wanted = endpoint["IPAMConfig"]["IPv4Address"].as_string();
    const std::string& actual = endpoint["IPAddress"].as_string();
    networks[name] = {endpoint["NetworkID"].as_string(), wanted.empty() ? actual : wanted};
  }
  seen.networks = std::move(networks);
  return seen;
}

SeenNetwork decode_network(const Keys& keys, const Json& entry) {
  SeenNetwork seen;
  seen.id = entry["Id"].as_string();
  seen.name = entry["Name"].as_string();
  seen.subnet = first_ipam(entry, "Subnet");
  const Json& labels = entry["Labels"];
  const Identity claimed = claimed_identity("network", labels);
  seen.ours = proven(keys, claimed, labels) && claimed.name() == seen.name;
  return seen;
}

SeenVolume decode_volume(const Keys& keys, const Json& entry) {
  SeenVolume seen;
  seen.name = entry["Name"].as_string();
  const Json& labels = entry["Labels"];
  const Identity claimed = claimed_identity("volume", labels);
  seen.ours = proven(keys, claimed, labels) && claimed.name() == seen.name;
  seen.owner = claimed.owner;
  if (!seen.ours) {
    seen.trouble =
        "a volume of this name exists and is not fairlead's; remove or rename it, or "
        "give the app another name";
  } else if (!entry["Options"].empty() || entry["Driver"].as_string() != "local") {
    // A "local" volume with options can be any folder of the host.
    seen.trouble =
        "the volume has driver options, so it may hide a folder of the host; remove it "
        "after saving its data";
  }
  return seen;
}

Detail decode_detail(const Json& inspect, Instant now) {
  const Json& state = inspect["State"];
  const Json& host = inspect["HostConfig"];
  Detail detail;
  detail.created = steady_of(decode_time(inspect["Created"].as_string()), now);
  detail.started_text = state["StartedAt"].as_string();
  detail.started = steady_of(decode_time(detail.started_text), now);
  detail.finished = steady_of(decode_time(state["FinishedAt"].as_string()), now);
  detail.exit_code = static_cast<int>(state["ExitCode"].as_int());
  detail.restart_count = static_cast<int>(inspect["RestartCount"].as_int());
  detail.oom_killed = state["OOMKilled"].as_bool();
  detail.error = tidy(state["Error"].as_string());
  const std::string& health = state["Health"]["Status"].as_string();
  detail.health = health == "none" ? "" : health;
  const auto& log = state["Health"]["Log"].items();
  if (!log.empty()) detail.health_log = tidy(log.back()["Output"].as_string());
  detail.check = check_in(inspect["Config"]["Healthcheck"]);
  detail.image = inspect["Config"]["Image"].as_string();
  detail.restart = host["RestartPolicy"]["Name"].as_string();
  detail.profile = profile_of(host);
  const std::int64_t grace = inspect["Config"]["StopTimeout"].as_int(10);
  constexpr std::int64_t grace_max =
      std::chrono::duration_cast<std::chrono::seconds>(time_max).count();
  // A negative one is as long as it takes.
  detail.stop_grace = std::chrono::seconds(grace < 0 ? grace_max : std::min(grace, grace_max));
  detail.limits = {host["NanoCpus"].as_int(), host["Memory"].as_int(),
                   std::max<std::int64_t>(0, host["PidsLimit"].as_int())};
  for (const Json& mount : host["Mounts"].items()) {
    if (mount["Type"].as_string() == "bind") detail.binds.push_back(mount["Source"].as_string());
  }
  return detail;
}

Hint decode_event(const Keys& keys, std::string_view line) {
  const Result<Json> event = Json::parse(line);
  if (!event) return {"", "", true};
  const std::string& type = (*event)["Type"].as_string();
  const Json& actor = (*event)["Actor"];
  const Json& attributes = actor["Attributes"];
  if (type == "container") {
    if (attributes[label::installation].as_string() == keys.installation()) {
      return {attributes[label::app].as_string(), actor["ID"].as_string(), false};
    }
    // A foreign container may give a name free that we wait for: "blog.web.3f9c2a1b".
    const std::string& name = attributes["name"].as_string();
    const std::size_t dot = name.find('.');
    return dot == name.npos ? Hint() : Hint{name.substr(0, dot), "", false};
  }
  if (type == "network") {
    // Of networks the event tells the name only; the container is the object whose attachments
    // changed.
    return {app_of_network(attributes["name"].as_string()), attributes["container"].as_string(),
            false};
  }
  if (type == "image") {
    // Of a tag the object is the image, of a pull the reference.
    const std::string& id = actor["ID"].as_string();
    const std::string& name = id.starts_with("sha256:") ? attributes["name"].as_string() : id;
    if (!name.starts_with("sha256:")) return {"", "", false, name};
    return {"", "", true};
  }
  const std::string& volume = actor["ID"].as_string();
  const std::size_t dot = volume.rfind(".data");
  return dot == volume.npos ? Hint() : Hint{volume.substr(0, dot), "", false};
}

std::string too_much_inherited(const Json& config) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : config["Labels"].members()) {
    bytes += key.size() + value.as_string().size();
  }
  for (const char* list : {"Env", "Cmd", "Entrypoint"}) {
    for (const Json& item : config[list].items()) bytes += item.as_string().size();
  }
  if (bytes <= process_words_max) return "";
  return "its labels, environment, command and entrypoint are " +
         format_bytes(static_cast<std::int64_t>(bytes)) + " together, more than " +
         format_bytes(std::int64_t{process_words_max});
}

Duration decode_time(std::string_view text) {
  std::tm parts{};
  int fraction_at = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec,
                  &fraction_at) != 6 ||
      parts.tm_year < 1971 || parts.tm_year > 2200) {
    return Duration(0);
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  std::int64_t nanoseconds = 0;
  std::int64_t place = 100'000'000;
  std::size_t at = static_cast<std::size_t>(fraction_at);
  if (at < copy.size() && copy[at] == '.') {
    for (++at; at < copy.size() && copy[at] >= '0' && copy[at] <= '9'; ++at, place /= 10) {
      nanoseconds += (copy[at] - '0') * place;
    }
  }
  return std::chrono::seconds(timegm(&parts)) + Duration(nanoseconds);
}

std::string decode_log(std::string_view body) {
  std::string text;
  while (body.size() >= 8 && body[0] >= 0 && body[0] <= 2 && body[1] == 0 && body[2] == 0 &&
         body[3] == 0) {
    std::size_t length = 0;
    for (std::size_t i = 4; i < 8; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
    text += body.substr(8, length);
    body.remove_prefix(std::min(body.size(), 8 + length));
  }
  text += body;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return printable(text.size() > log_max ? text.substr(text.size() - log_max) : text);
}

std::string decode_message(std::string_view body) {
  const Result<Json> parsed = Json::parse(body);
  if (parsed && parsed->has("message")) return tidy((*parsed)["message"].as_string());
  return tidy(std::string(body.substr(0, 2 * message_max)));
}

std::string decode_progress_error(std::string_view body) {
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const Result<Json> line = Json::parse(body.substr(0, end));
    if (line) {
      const std::string& detail = (*line)["errorDetail"]["message"].as_string();
      const std::string& plain = (*line)["error"].as_string();
      if (!detail.empty() || !plain.empty()) return tidy(detail.empty() ? plain : detail);
    }
    body.remove_prefix(std::min(body.size(), end + 1));
  }
  return "";
}

}  // namespace fairlead::docker
