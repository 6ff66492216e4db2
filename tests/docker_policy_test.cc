#include <doctest/doctest.h>

#include <string>

#include "providers/docker/policy.h"
#include "providers/docker/steps.h"
#include "tests/scene.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::parse_scene;

namespace {

Platform platform() {
  Platform made;
  made.mount_roots = {"/srv/media", "/mnt"};
  return made;
}

HttpCall post(const std::string& path, const Json& body) {
  HttpCall call;
  call.method = "POST";
  call.path = "/v1.41" + path;
  call.body = body.dump();
  return call;
}

// What the policy says of a request: "allowed", or what it refuses.
std::string verdict(const HttpCall& call, const Platform& under = platform()) {
  const Result<void> checked = check_policy(call, under);
  if (checked) return "allowed";
  CHECK(checked.error().code == Code::denied);
  return checked.error().message.substr(std::string("refused by fairlead's policy: ").size());
}

// A container as fairlead makes it, with mounts of each kind.
Json good_container() {
  return *Json::parse(R"({
    "Image": "acme/blog:1",
    "Labels": {"fairlead.app": "blog"},
    "HostConfig": {
      "NetworkMode": "blog", "Init": true, "CapDrop": ["ALL"], "Memory": 1, "PidsLimit": 1,
      "SecurityOpt": ["no-new-privileges"],
      "Mounts": [
        {"Type": "volume", "Source": "blog.data", "Target": "/data"},
        {"Type": "bind", "Source": "/srv/media/films", "Target": "/films", "ReadOnly": false},
        {"Type": "bind", "Source": "/run/fairlead/secrets/blog/KEY.1", "Target": "/run/secrets/KEY",
         "ReadOnly": true}
      ]}})");
}

std::string create(const Json& body) {
  return verdict(post("/containers/create?name=blog.web.3f9c2a1b", body));
}

// The verdict on a good container whose HostConfig has one value more, or another one.
std::string with_host(const char* key, const char* value) {
  Json body = good_container();
  Json host = body["HostConfig"];
  host.set(key, *Json::parse(value));
  return create(body.set("HostConfig", host));
}

std::string with_mount(const char* mount) {
  return with_host("Mounts", ("[" + std::string(mount) + "]").c_str());
}

std::string bind(const std::string& source, bool read_only = true) {
  return with_mount(
      Json::object(
          {{"Type", "bind"}, {"Source", source}, {"Target", "/x"}, {"ReadOnly", read_only}})
          .dump()
          .c_str());
}

}  // namespace

TEST_CASE("a container as fairlead makes it is allowed") {
  CHECK(create(good_container()) == "allowed");
}

TEST_CASE("whatever a plan sends is allowed") {
  const char* const manifest =
      "name: blog\nimage: acme/blog:2\nneeds: [{storage: {shared: true}}]\n"
      "expose: [{proto: tcp, port: 25, publish: 2525}]\nresources: {cpus: 0.5}\n"
      "mounts: [{host: /srv/media, path: /media, read_only: true}]\ntmpfs: [/tmp]\n"
      "secrets: {KEY: {generate: 32}}\nhosts: {db: 10.0.0.9}\nsecurity: strict\n"
      "health: {command: [check]}\nprocesses: {worker: {command: [work], restart: never}}\n";
  fairlead::testing::Scene scene;
  scene = parse_scene("name: blog\nimage: acme/blog:1\n", "", "");
  scene.platform = platform();
  ParsedManifest parsed = parse_manifest("blog.yml", manifest);
  REQUIRE(parsed.errors.empty());
  auto graph = fairlead::testing::graph_beside({}, *parsed.apps[0].app, platform(), {});
  REQUIRE_MESSAGE(graph.ok(), graph.error().text());
  scene.wanted = *graph;
  scene.seen.mounts["/srv/media"] = {"1:7", ""};
  const auto [plan, report] = scene.diff();
  int requests = 0;
  for (const Step& step : plan.steps()) {
    const auto* call = std::get_if<HttpCall>(&step.request);
    if (!call) continue;
    ++requests;
    CHECK(verdict(*call) == "allowed");
  }
  CHECK(requests >= 6);
}

TEST_CASE("nothing of the host is handed over") {
  CHECK(with_host("Privileged", "true") == "HostConfig.Privileged");
  CHECK(with_host("Privileged", "false") == "HostConfig.Privileged");
  CHECK(with_host("privileged", "true") == "HostConfig.privileged");
  CHECK(with_host("Binds", R"(["/:/host"])") == "HostConfig.Binds");
  CHECK(with_host("VolumesFrom", R"(["other"])") == "HostConfig.VolumesFrom");
  CHECK(with_host("Devices", R"([{"PathOnHost":"/dev/sda"}])") == "HostConfig.Devices");
  CHECK(with_host("DeviceRequests", "[]") == "HostConfig.DeviceRequests");
  CHECK(with_host("DeviceCgroupRules", R"(["a *:* rwm"])") == "HostConfig.DeviceCgroupRules");
  CHECK(with_host("Sysctls", R"({"kernel.msgmax":"1"})") == "HostConfig.Sysctls");
  CHECK(with_host("Runtime", R"("other")") == "HostConfig.Runtime");
  CHECK(with_host("CgroupParent", R"("/")") == "HostConfig.CgroupParent");
  CHECK(with_host("OomScoreAdj", "-1000") == "HostConfig.OomScoreAdj");
  CHECK(with_host("MaskedPaths", "[]") == "HostConfig.MaskedPaths");
  CHECK(with_host("LearnedTomorrow", "1") == "HostConfig.LearnedTomorrow");
}

TEST_CASE("no namespace of the host or of another container is shared") {
  for (const char* key : {"PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode"}) {
    CHECK(with_host(key, R"("host")") == std::string("HostConfig.") + key);
  }
  CHECK(with_host("NetworkMode", R"("host")") == "network host");
  CHECK(with_host("NetworkMode", R"("container:other")") == "network container:other");
  CHECK(with_host("NetworkMode", R"("shop")") == "network shop");
}

TEST_CASE("no container is without its hardening") {
  CHECK(with_host("SecurityOpt", R"(["no-new-privileges","seccomp=unconfined"])") != "allowed");
  CHECK(with_host("SecurityOpt", R"(["apparmor=unconfined"])") != "allowed");
  CHECK(with_host("SecurityOpt", "[]") != "allowed");
  const std::string more = "a container that keeps more capabilities than the profile `standard`";
  CHECK(with_host("CapDrop", "[]") == more);
  CHECK(with_host("CapDrop", R"(["NET_RAW","MKNOD","AUDIT_WRITE","SETFCAP"])") == more);
  CHECK(with_host("CapAdd", R"(["CHOWN","SYS_ADMIN"])") == more);
  CHECK(with_host("CapAdd", R"(["SYS_ADMIN"])") == more);
  CHECK(with_host("CapAdd", R"(["ALL"])") == more);
  CHECK(with_host("CapAdd", R"(["NET_RAW"])") == more);
  CHECK(with_host("CapAdd", R"(["CHOWN","CAP_KILL","NET_BIND_SERVICE"])") == "allowed");
  CHECK(with_host("Memory", "0") == "a container without limits");
  CHECK(with_host("Memory", "-1") == "a container without limits");
  CHECK(with_host("PidsLimit", "-1") == "a container without limits");
}

TEST_CASE("a container belongs to an app") {
  CHECK(create(good_container().set("Labels", Json::object())) == "a container without an owner");
  CHECK(create(Json::object()) == "a container without an owner");
}

TEST_CASE("what stands beside HostConfig is of a known kind") {
  CHECK(create(good_container().set("Volumes", Json::object({{"/x", Json::object()}}))) ==
        "the field Volumes");
  CHECK(create(good_container().set("hostconfig", Json::object({{"Privileged", true}}))) ==
        "the field hostconfig");
}

TEST_CASE("no container is attached to a network that is not its app's") {
  const auto attached = [](const char* network) {
    return create(good_container().set(
        "NetworkingConfig",
        Json::object({{"EndpointsConfig", Json::object({{network, Json::object()}})}})));
  };
  CHECK(attached("blog") == "allowed");
  CHECK(attached("shop") == "network shop");
}

TEST_CASE("host folders are mounted only from below the roots of the platform file") {
  CHECK(bind("/srv/media") == "allowed");
  CHECK(bind("/srv/media/films", false) == "allowed");
  CHECK(bind("/mnt/disk") == "allowed");
  for (const char* source :
       {"/", "", "/srv", "/srv/mediation", "/etc", "srv/media", "/srv/media/../../etc",
        "/srv/media/..", "/srv/media/./..", "//srv/media", "/srv/media//x", "/var/lib/fairlead",
        "/run/fairlead", "/run/fairlead/secrets"}) {
    CAPTURE(source);
    CHECK(bind(source) != "allowed");
  }
}

TEST_CASE("no socket is mounted, not even from below a root") {
  CHECK(bind("/var/run/docker.sock") != "allowed");
  CHECK(bind("/srv/media/docker.sock") == "mount of the socket /srv/media/docker.sock");
}

TEST_CASE("secrets are mounted read-only, and only the app's own") {
  CHECK(bind("/run/fairlead/secrets/blog/KEY.1") == "allowed");
  CHECK(bind("/run/fairlead/secrets/blog/KEY.1", false) == "a secret mounted writable");
  CHECK(bind("/run/fairlead/secrets/shop/KEY.1") != "allowed");
  CHECK(bind("/run/fairlead/secrets/blog2/KEY.1") != "allowed");
  CHECK(bind("/run/fairlead/secrets/blog/../shop/KEY.1") != "allowed");
}

TEST_CASE("volumes are the app's own, without options") {
  const auto volume = [](const char* source) {
    return with_mount(
        ("{\"Type\":\"volume\",\"Source\":\"" + std::string(source) + "\",\"Target\":\"/data\"}")
            .c_str());
  };
  CHECK(volume("blog.data") == "allowed");
  CHECK(volume("shop.data") == "mount of the volume shop.data, which is not the app's");
  CHECK(volume("") != "allowed");
  CHECK(with_mount(R"({"Type":"tmpfs","Target":"/x"})") == "mount of type tmpfs");
  CHECK(with_mount(R"({"Type":"npipe","Source":"x","Target":"/x"})") == "mount of type npipe");
  CHECK(with_mount(R"({"Type":"volume","Source":"blog.data","Target":"/x","VolumeOptions":{}})") ==
        "mount option VolumeOptions");
  CHECK(with_mount(R"({"Type":"bind","Source":"/srv/media","Target":"/x","BindOptions":{}})") ==
        "mount option BindOptions");
}

TEST_CASE("a volume is made of the local driver, without options") {
  const auto volume = [](const char* body) {
    return verdict(post("/volumes/create", *Json::parse(body)));
  };
  CHECK(volume(R"({"Name":"blog.data","Driver":"local"})") == "allowed");
  CHECK(volume(R"({"Name":"blog.data","Driver":"local","DriverOpts":{"device":"/"}})") !=
        "allowed");
  CHECK(volume(R"({"Name":"blog.data","Driver":"nfs"})") != "allowed");
  CHECK(volume(R"({"Name":"blog.data"})") != "allowed");
}

TEST_CASE("an update changes limits and the restart policy, and nothing else") {
  const auto update = [](const char* body) {
    return verdict(post("/containers/abc/update", *Json::parse(body)));
  };
  CHECK(update(R"({"Memory":1,"MemorySwap":1,"NanoCpus":1,"PidsLimit":1,
                   "RestartPolicy":{"Name":"no"}})") == "allowed");
  CHECK(update(R"({"Devices":[]})") == "update of Devices");
  CHECK(update(R"({"CpusetCpus":"0"})") == "update of CpusetCpus");
}

TEST_CASE("class 15: only images of allowed registries are pulled, and only by reference") {
  Platform listed = platform();
  listed.registries_allowed = {"ghcr.io"};
  const auto pull = [](const std::string& query) {
    HttpCall call = post("/images/create?" + query, Json());
    call.body.clear();
    return call;
  };
  CHECK(verdict(pull("fromImage=nginx&tag=1")) == "allowed");
  CHECK(verdict(pull("fromImage=ghcr.io/acme/update&tag=1"), listed) == "allowed");
  CHECK(verdict(pull("fromImage=nginx&tag=1"), listed) ==
        "pull of nginx: the registry docker.io is not in `registries: {allow: […]}` of the "
        "platform file; add it there, or take the image from one that is");
  for (const char* query : {"fromImage=127.0.0.1:5000/x&tag=1", "fromImage=localhost/x",
                            "fromSrc=-", "tag=1", "", "fromImage=nginx&fromImage=127.0.0.1:5000/x",
                            "fromImage=nginx&fromSrc=http://a/b", "fromImage=127.0.0.1%3A5000/x"}) {
    CAPTURE(query);
    CHECK(verdict(pull(query)) != "allowed");
  }
}

TEST_CASE("the check cannot be walked around by another spelling of the request") {
  HttpCall call = post("/containers/create", good_container());
  CHECK(verdict(call) == "allowed");
  call.body = R"({"HostConfig":{"Privileged":true}})";
  CHECK(verdict(call) != "allowed");
  call.path = "/containers/create?name=x";
  CHECK(verdict(call) != "allowed");
  call.body = "{";
  CHECK(verdict(call) == "a body that is not JSON");
}

TEST_CASE("containers are only ever asked, never written to") {
  HttpCall call;
  call.endpoint = "10.213.0.2:80";
  call.path = "/up";
  CHECK(verdict(call) == "allowed");
  call.method = "POST";
  CHECK(verdict(call) == "a writing request to 10.213.0.2:80");
}

TEST_CASE("a container without limits is made only where the platform file says none") {
  Platform unlimited = platform();
  unlimited.defaults.memory = 0;
  Json body = good_container();
  const auto with = [&](const char* key, Json value) {
    Json host = body["HostConfig"];
    host.set(key, std::move(value));
    body.set("HostConfig", host);
    return post("/containers/create?name=blog.web.3f9c2a1b", body);
  };
  CHECK(verdict(with("Memory", 0)) == "a container without limits");
  CHECK(verdict(with("Memory", 0), unlimited) == "allowed");
  CHECK(verdict(with("Memory", -1), unlimited) == "a container without limits");
  CHECK(verdict(with("Memory", Json()), unlimited) == "a container without limits");
  CHECK(verdict(with("Memory", 1), unlimited) == "allowed");
  CHECK(verdict(with("PidsLimit", 0), unlimited) == "a container without limits");
  unlimited.defaults.pids = 0;
  CHECK(verdict(with("PidsLimit", 0), unlimited) == "allowed");
}

TEST_CASE("an update takes the limit of processes away only where the platform file says none") {
  const HttpCall update = post("/containers/3f9c/update", Json::object({{"PidsLimit", 0}}));
  CHECK(verdict(update) == "an update that takes limits away");
  Platform unlimited = platform();
  unlimited.defaults.pids = 0;
  CHECK(verdict(update, unlimited) == "allowed");
}

TEST_CASE("class 20: the last word holds a tenant to its mounts, ports and registries") {
  Tenant tenant;
  tenant.folder = "team-a";
  tenant.mount_roots = {{"/srv/media/a"}};
  tenant.ports = {{{8000, 8099}}};
  tenant.registries = {{"ghcr.io"}};
  const auto allowed = [&](const HttpCall& call) {
    return check_policy(call, platform(), &tenant).ok();
  };
  const auto with = [](const Json& mounts, const Json& ports) {
    Json body = good_container();
    Json host = body["HostConfig"];
    host.set("Mounts", mounts);
    host.set("PortBindings", ports);
    body.set("HostConfig", host);
    return post("/containers/create?name=x", body);
  };
  const auto bind = [](const std::string& source) {
    return Json::array({Json::object(
        {{"Type", "bind"}, {"Source", source}, {"Target", "/x"}, {"ReadOnly", true}})});
  };
  const auto bound = [](const std::string& port) {
    return Json::object(
        {{"80/tcp", Json::array({Json::object({{"HostIp", "127.0.0.1"}, {"HostPort", port}})})}});
  };
  CHECK(allowed(with(bind("/srv/media/a/x"), Json::object())));
  CHECK_FALSE(allowed(with(bind("/srv/media/b"), Json::object())));
  CHECK(verdict(with(bind("/srv/media/b"), Json::object())) == "allowed");
  CHECK(allowed(with(Json::array(), bound("8099"))));
  CHECK_FALSE(allowed(with(Json::array(), bound("8100"))));
  CHECK_FALSE(allowed(with(Json::array(), bound("80x"))));
  const auto pull = [](const std::string& image, bool login) {
    HttpCall call = post("/images/create?fromImage=" + image + "&tag=1", Json::object());
    if (login) call.headers.emplace_back(login_header, "@ghcr.io");
    return call;
  };
  CHECK(allowed(pull("ghcr.io/acme/x", true)));
  CHECK_FALSE(allowed(pull("docker.io/acme/x", false)));
  tenant.registries.reset();
  CHECK(allowed(pull("docker.io/acme/x", false)));
  CHECK_FALSE(allowed(pull("ghcr.io/acme/x", true)));
}

TEST_CASE("A2: ports are published one by one, where the platform file allows") {
  const auto with_port = [](const std::string& port, const std::string& binding,
                            const Platform& under) {
    Json body = good_container();
    Json host = body["HostConfig"];
    host.set("PortBindings", *Json::parse("{\"" + port + "\": [" + binding + "]}"));
    return verdict(post("/containers/create?name=blog.web.3f9c2a1b", body.set("HostConfig", host)),
                   under);
  };
  Platform under = platform();
  const std::string everywhere = R"({"HostIp": "0.0.0.0", "HostPort": "25"})";
  CHECK(with_port("25/tcp", everywhere, under) == "allowed");
  under.publish_addresses.emplace();
  CHECK(with_port("25/tcp", R"({"HostIp": "127.0.0.1", "HostPort": "25"})", under) == "allowed");
  CHECK(with_port("25/tcp", everywhere, under) ==
        "a port at 0.0.0.0, which publish.addresses does not allow");
  for (const char* binding :
       {R"({"HostPort": "25"})", R"({"HostIp": "", "HostPort": "25"})",
        R"({"HostIp": "127.0.0.1", "HostPort": "25-30"})", R"({"HostIp": "127.0.0.1"})",
        R"({"HostIp": "127.0.0.1", "HostPort": "0"})", R"({"HostIp": "127.0.0.1", "HostPort": 25})",
        R"({"HostIp": "127.0.0.1", "HostPort": "25", "hostip": "0.0.0.0"})"}) {
    CAPTURE(binding);
    CHECK(with_port("25/tcp", binding, under) != "allowed");
  }
  CHECK(with_port("25/udp", R"({"HostIp": "127.0.0.1", "HostPort": "25"})", under) != "allowed");
  under.edge.mode = Platform::Edge::Mode::host;
  CHECK(with_port("25/tcp", R"({"HostIp": "127.0.0.1", "HostPort": "80"})", under) ==
        "port 80, which is the edge's");
}
