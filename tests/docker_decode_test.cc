#include <doctest/doctest.h>

#include <string>

#include "providers/docker/decode.h"

using namespace fairlead;
using namespace fairlead::docker;
using namespace std::chrono_literals;

namespace {

const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
const Identity web{"container", "blog", "web", "3f9c2a1b00000000", 1};
const Instant now{1000h, decode_time("2026-11-21T12:00:00Z")};

Json list_entry(const Json& labels) {
  Json entry = *Json::parse(R"json({
    "Id": "c0ffee", "Names": ["/blog.web.3f9c2a1b"], "ImageID": "sha256:1", "State": "running",
    "Status": "Up 3 minutes (healthy)",
    "NetworkSettings": {"Networks": {
      "blog": {"NetworkID": "n1", "IPAMConfig": {"IPv4Address": "10.213.0.2"},
               "IPAddress": "10.213.0.9"},
      "other": {"NetworkID": "n2", "IPAMConfig": null, "IPAddress": "172.20.0.3"}}}})json");
  return entry.set("Labels", labels);
}

std::string frame(char stream, const std::string& text) {
  std::string head(8, '\0');
  head[0] = stream;
  head[6] = static_cast<char>(text.size() >> 8);
  head[7] = static_cast<char>(text.size() & 255);
  return head + text;
}

}  // namespace

TEST_CASE("an entry of the container list is read") {
  Json labels = owner_labels(keys, web);
  labels.set(label::fields, "image=123456");
  const auto seen = decode_container(keys, list_entry(labels));
  REQUIRE(seen.has_value());
  CHECK(seen->id == "c0ffee");
  CHECK(seen->name == "blog.web.3f9c2a1b");
  CHECK(seen->canonical_name() == seen->name);
  CHECK(seen->image_id == "sha256:1");
  CHECK(seen->fields == "image=123456");
  CHECK(seen->state == "running");
  CHECK(seen->health == "healthy");
  CHECK(seen->alive());
  CHECK_FALSE(seen->failed());
  CHECK(seen->networks->at("blog").network_id == "n1");
}

TEST_CASE("of a container's addresses the configured one counts, else the actual one") {
  const auto seen = decode_container(keys, list_entry(owner_labels(keys, web)));
  REQUIRE(seen.has_value());
  CHECK(seen->networks->at("blog").address == "10.213.0.2");
  CHECK(seen->networks->at("other").address == "172.20.0.3");
}

TEST_CASE("a container whose labels are not proven ours is not seen at all") {
  Json labels = owner_labels(keys, web);
  CHECK_FALSE(decode_container(keys, list_entry(labels.set(label::app, "shop"))).has_value());
  CHECK_FALSE(decode_container(keys, list_entry(Json())).has_value());
  CHECK_FALSE(decode_container(keys, Json("nonsense")).has_value());
}

TEST_CASE("health is read from the list's text, and only where it stands in brackets") {
  const auto health = [](const char* status) {
    return decode_container(keys, list_entry(owner_labels(keys, web)).set("Status", status))
        ->health;
  };
  CHECK(health("Up 1 second (health: starting)") == "starting");
  CHECK(health("Up 1 second (unhealthy)") == "unhealthy");
  CHECK(health("Up 1 second") == "");
  CHECK(health("Exited (137) 1 second ago") == "");
}

TEST_CASE("a network is ours when its labels are proven and fit its name") {
  Json entry = *Json::parse(R"({"Id":"n1","Name":"blog","IPAM":{"Config":[
      {"Subnet":"10.213.0.0/26"},{"Subnet":"fd00::/64"}]}})");
  entry.set("Labels", owner_labels(keys, {"network", "blog", "", "", 1}));
  CHECK(decode_network(keys, entry).ours);
  CHECK(decode_network(keys, entry).subnet == "10.213.0.0/26");
  CHECK_FALSE(decode_network(keys, Json(entry).set("Name", "shop")).ours);
  CHECK_FALSE(decode_network(keys, Json(entry).set("Labels", Json())).ours);
  CHECK(decode_network(keys, *Json::parse(R"({"Name":"host","IPAM":{"Config":null}})")).subnet ==
        "");
}

TEST_CASE("a volume is usable when it is ours, local and without options") {
  Json entry = *Json::parse(R"({"Name":"blog.data","Driver":"local","Options":null})");
  entry.set("Labels", owner_labels(keys, {"volume", "blog", "", "", 1}));
  CHECK(decode_volume(keys, entry).ours);
  CHECK(decode_volume(keys, entry).trouble.empty());
  const Json options = Json::object({{"device", "/"}, {"o", "bind"}});
  CHECK_FALSE(decode_volume(keys, Json(entry).set("Options", options)).trouble.empty());
  CHECK_FALSE(decode_volume(keys, Json(entry).set("Driver", "nfs")).trouble.empty());
  const SeenVolume foreign = decode_volume(keys, Json(entry).set("Labels", Json()));
  CHECK_FALSE(foreign.ours);
  CHECK_FALSE(foreign.trouble.empty());
  CHECK_FALSE(decode_volume(keys, Json(entry).set("Name", "shop.data")).ours);
}

TEST_CASE("the detail of a container is read") {
  const Detail detail = decode_detail(*Json::parse(R"({
    "Created": "2026-11-21T11:00:00Z", "RestartCount": 2,
    "State": {"StartedAt": "2026-11-21T11:59:50.5Z", "FinishedAt": "0001-01-01T00:00:00Z",
              "ExitCode": 3, "OOMKilled": true, "Error": "no such file\n",
              "Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "503\n"}]}},
    "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}, "NanoCpus": 500000000,
                   "Memory": 1024, "PidsLimit": 7},
    "Config": {"Image": "acme/blog:1", "StopTimeout": 30,
               "Healthcheck": {"Test": ["CMD", "true"], "Interval": 60000000000, "Retries": 5}}})"),
                                      now);
  CHECK(detail.created == now.steady - 1h);
  CHECK(detail.started == now.steady - 9500ms);
  CHECK(detail.started_text == "2026-11-21T11:59:50.5Z");
  CHECK(detail.finished == 0s);
  CHECK(detail.exit_code == 3);
  CHECK(detail.restart_count == 2);
  CHECK(detail.oom_killed);
  CHECK(detail.error == "no such file");
  CHECK(detail.health == "unhealthy");
  CHECK(detail.health_log == "503");
  REQUIRE(detail.check);
  CHECK(detail.check->interval == 60s);
  CHECK(detail.check->timeout == 30s);
  CHECK(detail.check->start_period == 0s);
  CHECK(detail.check->retries == 5);
  CHECK(detail.image == "acme/blog:1");
  CHECK(detail.restart == "unless-stopped");
  CHECK(detail.stop_grace == 30s);
  CHECK(detail.limits == Limits{500'000'000, 1024, 7});
}

TEST_CASE("what the engine leaves out has its default") {
  const Detail detail = decode_detail(*Json::parse(R"({"State":{"Health":{"Status":"none"}},
                                     "HostConfig":{"PidsLimit":null}})"),
                                      now);
  CHECK(detail.health == "");
  CHECK_FALSE(detail.check);
  CHECK_FALSE(
      decode_detail(*Json::parse(R"({"Config":{"Healthcheck":{"Test":["NONE"]}}})"), now).check);
  CHECK(detail.stop_grace == 10s);
  CHECK(detail.limits == Limits());
  CHECK(decode_detail(*Json::parse(R"({"HostConfig":{"PidsLimit":-1}})"), now).limits.pids == 0);
  CHECK(decode_detail(Json(), now).restart == "");
}

TEST_CASE("a start in the engine's future is one of just now") {
  const Json inspect = *Json::parse(R"({"State":{"StartedAt":"2026-11-21T13:00:00Z"}})");
  CHECK(decode_detail(inspect, now).started == now.steady);
}

TEST_CASE("times are read to the nanosecond") {
  CHECK(decode_time("1971-01-01T00:00:00Z") == 24h * 365);
  CHECK(decode_time("2026-11-21T23:15:03.123456789Z") - decode_time("2026-11-21T23:15:03Z") ==
        123456789ns);
  CHECK(decode_time("2026-11-21T23:15:03.5Z") - decode_time("2026-11-21T23:15:03Z") == 500ms);
  CHECK(decode_time("2024-02-29T00:00:00Z") - decode_time("2024-02-28T00:00:00Z") == 24h);
}

TEST_CASE("what is no time is none") {
  for (const char* text : {"", "0001-01-01T00:00:00Z", "yesterday", "2026-11-21", "2026"}) {
    CHECK(decode_time(text) == 0s);
  }
}

TEST_CASE("a log comes in frames, or as it is") {
  CHECK(decode_log(frame(1, "one\n") + frame(2, "two\n")) == "one\ntwo");
  CHECK(decode_log("plain\ntext\n") == "plain\ntext");
  CHECK(decode_log("") == "");
  CHECK(decode_log(frame(1, std::string(300, 'x'))) == std::string(300, 'x'));
}

TEST_CASE("a log that is cut off within a frame gives what is there") {
  CHECK(decode_log(frame(1, "one\n").substr(0, 10)) == "on");
  CHECK(decode_log(frame(1, "one\n") + frame(2, "two\n").substr(0, 5)).substr(0, 4) == "one\n");
}

TEST_CASE("the engine's message is taken out of its JSON, else the text's beginning") {
  CHECK(decode_message(R"({"message":"No such image: x\n"})") == "No such image: x");
  CHECK(decode_message("Bad Gateway\n") == "Bad Gateway");
  CHECK(decode_message(std::string(5000, 'x')).size() < 500);
}

TEST_CASE("an error inside a stream that was answered with 200 is found") {
  CHECK(decode_progress_error("{\"status\":\"Pulling\"}\n"
                              "{\"errorDetail\":{\"message\":\"manifest unknown\"},"
                              "\"error\":\"manifest unknown\"}\n") == "manifest unknown");
  CHECK(decode_progress_error(R"({"error":"denied"})") == "denied");
  CHECK(decode_progress_error("{\"status\":\"error is only a word here\"}\n") == "");
  CHECK(decode_progress_error("not JSON\n\n{\"error\":\"late\"}") == "late");
  CHECK(decode_progress_error("") == "");
}

TEST_CASE("text that is cut off ends between characters, not within one") {
  std::string accents = "x";
  for (int i = 0; i < 400; ++i) accents += "é";
  const std::string cut = decode_message(Json::object({{"message", accents}}).dump());
  const std::string before = cut.substr(0, cut.size() - std::string("…").size());
  CHECK(before.size() % 2 == 1);  // the x, and whole characters of two bytes
}

// Class 19 of what an attacker tries: integers and units.
TEST_CASE("times and counts of an image that nobody means are as long as a week") {
  const Json inspect = *Json::parse(R"json({
    "State": {"StartedAt": "9999-12-31T23:59:59Z"},
    "Config": {"StopTimeout": 9223372036854775807,
               "Healthcheck": {"Test": ["CMD", "x"], "Interval": 9223372036854775807,
                               "Timeout": 9223372036854775807, "Retries": 4294967296}}})json");
  const Detail detail = decode_detail(inspect, now);
  CHECK(detail.started == Duration(0));
  CHECK(detail.stop_grace == 168h);
  REQUIRE(detail.check);
  CHECK(detail.check->interval == 168h);
  CHECK(detail.check->timeout == 168h);
  CHECK(detail.check->retries == 1000);
  CHECK(decode_detail(*Json::parse(R"({"Config": {"StopTimeout": -1}})"), now).stop_grace == 168h);
}
