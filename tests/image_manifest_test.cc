#include "reconciler/image_manifest.h"

#include <doctest/doctest.h>

#include <set>

#include "reconciler/app.h"
#include "reconciler/schema.h"
#include "tests/tar_builder.h"

using namespace fairlead;
using fairlead::testing::tar_of;
using fairlead::testing::TarEntry;

namespace {

ImageManifest in_image(const std::string& text) {
  return parse_image_manifest({"acme/blog:1", "/cloud_manifest.yml", text});
}

Document in_folder(const std::string& text) {
  const ParsedFile parsed = parse_file("blog.yml", text);
  REQUIRE(parsed.errors.empty());
  REQUIRE(parsed.documents.size() == 1);
  return parsed.documents[0];
}

constexpr char head[] = "name: blog\nimage: acme/blog:1\n";

Document laid(const std::string& folder, const std::string& image) {
  const ImageManifest manifest = in_image(image);
  REQUIRE(manifest.errors.empty());
  return merged(in_folder(head + folder), manifest.document);
}

// The merged value without what every one of these has.
std::string both(const std::string& folder, const std::string& image) {
  const Document document = laid(folder, image);
  CHECK(document.value["name"] == Json("blog"));
  CHECK(document.value["image"] == Json("acme/blog:1"));
  Json rest = Json::object();
  for (const auto& [key, value] : document.value.members()) {
    if (key != "name" && key != "image") rest.set(key, value);
  }
  return rest.dump();
}

std::string texts(const std::vector<Error>& errors) {
  std::string lines;
  for (const Error& error : errors) lines += error.text() + "\n";
  return lines;
}

std::string origins_of(const Document& document) {
  std::string lines;
  for (const Origin& origin : origins(document)) lines += origin.field + ": " + origin.where + "\n";
  return lines;
}

// Every path of the schema, as refused_of_images() takes it; below a refused one nothing more.
void collect(const Json& written, const std::string& path, std::set<std::string>& sayable) {
  const Json& root = app_schema().source();
  const Json schema = resolve_reference(written, root);
  if (!refused_of_images(path).empty()) return;
  bool leaf = true;
  for (const auto& [key, property] : schema["properties"].members()) {
    leaf = false;
    const std::string name = path == "needs[]" ? "*" : key;
    collect(property, path.empty() ? name : path + "." + name, sayable);
  }
  if (schema["additionalProperties"].is_object()) {
    leaf = false;
    collect(schema["additionalProperties"], path + ".*", sayable);
  }
  if (schema["items"].is_object()) {
    leaf = false;
    collect(schema["items"], path + "[]", sayable);
  }
  for (const Json& branch : schema["anyOf"].items()) collect(branch, path, sayable);
  if (leaf) sayable.insert(path);
}

}  // namespace

TEST_CASE("the manifest comes out of an archive by its path") {
  CHECK(*manifest_in_archive(tar_of({})) == "name: blog\n");
  TarEntry json;
  json.name = "cloud_manifest.json";
  CHECK(*manifest_in_archive(tar_of(json), "/cloud_manifest.json") == "name: blog\n");
  const auto refused = manifest_in_archive(tar_of(json));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message ==
        "/cloud_manifest.yml: the archive holds another file than cloud_manifest.yml");
}

TEST_CASE("the largest manifest fits into the longest answer") {
  TarEntry large;
  large.data = std::string(image_manifest_bytes_max, 'x');
  CHECK(tar_of(large).size() < image_archive_bytes_max);
  CHECK(manifest_in_archive(tar_of(large)).ok());
}

TEST_CASE("a mini manifest in an image fills what the folder leaves out") {
  const Document document = laid("", R"(name: myapp
expose:
- proto: http
  port: 80
needs:
- database
- messagebus
- storage
)");
  const ParsedApp parsed = parse_app(document);
  CHECK(texts(parsed.errors) == "");
  REQUIRE(parsed.app);
  CHECK(parsed.app->name == "blog");
  CHECK(parsed.app->image == "acme/blog:1");
  REQUIRE(parsed.app->expose.size() == 1);
  CHECK(parsed.app->expose[0].port == 80);
  CHECK(parsed.app->needs.database);
  CHECK(parsed.app->needs.messagebus);
  CHECK(parsed.app->needs.storage);
  CHECK(parsed.app->where("name") == "blog.yml:1");
  CHECK(parsed.app->where("expose[0].port") == "acme/blog:1:/cloud_manifest.yml:4");
}

TEST_CASE("an image without anything to say changes nothing") {
  for (const char* nothing : {"", "# only a comment\n", "{}\n"}) {
    CAPTURE(nothing);
    const Document document = laid("env: {A: 1.50}\n", nothing);
    const Document folder = in_folder(head + std::string("env: {A: 1.50}\n"));
    CHECK(document.value == folder.value);
    CHECK(document.marks == folder.marks);
    CHECK(document.spellings == folder.spellings);
    CHECK(document.start == folder.start);
  }
}

TEST_CASE("an error in what an image says names the place in the image") {
  const ParsedApp parsed = parse_app(laid("", "expose:\n- port: 70000\nheatlh: {http: /up}\n"));
  CHECK(texts(parsed.errors) ==
        "acme/blog:1:/cloud_manifest.yml:2:3: expose[0].port: must be 1..65535, got 70000\n"
        "acme/blog:1:/cloud_manifest.yml:3:1: heatlh: unknown key, did you mean \"health\"?\n");
}

TEST_CASE("what is wrong in an image and overridden by the folder hurts nobody") {
  const ParsedApp parsed = parse_app(laid("expose: [{port: 80}]\n", "expose:\n- port: 70000\n"));
  CHECK(texts(parsed.errors) == "");
  CHECK(parsed.app);
}

TEST_CASE("a text that is no manifest is refused with its place") {
  CHECK(texts(in_image("a: 1\na: 2\n").errors) ==
        "acme/blog:1:/cloud_manifest.yml:2:1: a: this key stands here twice\n");
  CHECK(texts(in_image("- a\n").errors) ==
        "acme/blog:1:/cloud_manifest.yml:1:1: must be a map that describes one app\n");
  CHECK(texts(in_image("name: a\n---\nname: b\n").errors) ==
        "acme/blog:1:/cloud_manifest.yml:2:1: an image carries the manifest of one app\n");
  CHECK_FALSE(in_image("a: &x [1]\nb: *x\n").errors.empty());
  CHECK_FALSE(in_image(std::string(image_manifest_bytes_max, ' ') + "\na: 1\n").errors.empty());
  CHECK_FALSE(in_image(std::string(40, '[') + std::string(40, ']')).errors.empty());
  std::string many = "[1";
  for (int i = 0; i < 50'000; ++i) many += ",1";
  CHECK_FALSE(in_image("a: " + many + "]\n").errors.empty());
}

TEST_CASE("a manifest in a label is JSON or YAML and says so in its marks") {
  const ImageManifest manifest = parse_image_manifest(
      {"acme/blog:1", "label fairlead.manifest", R"({"expose": [{"port": 80}]})"});
  REQUIRE(manifest.errors.empty());
  CHECK(manifest.document.where("expose").text() == "acme/blog:1:label fairlead.manifest:1:2");
}

TEST_CASE("what reaches beyond the container is not for images to say") {
  const ImageManifest manifest = in_image(R"(image: evil/blog:2
expose:
- {port: 80, publish: "0.0.0.0:80", domains: [bank.example.org]}
- {port: 81, auth: others, allow: [], redirect: false, hsts: 8760h, timeout: 5m, gzip: false}
mounts: [{host: /, path: /host}]
after: [search]
suspend: true
reclaim: delete
resources: {memory: 64G}
update: {track: digest}
security: standard
secrets:
  KEY: {file: somebody-elses-key}
  OWN: {generate: 32}
needs:
- database: {reclaim: delete, connections_max: 1000, rotation: 9}
- storage: {path: /srv}
deploy: {replicas: 100, strategy: rolling}
processes:
  worker: {replicas: 100, resources: {memory: 64G}, command: [work]}
)");
  CHECK(manifest.errors.empty());
  const std::string at = "acme/blog:1:/cloud_manifest.yml:";
  const std::string share = ": the share of the host is the folder's to give\n";
  const std::string when = ": when and whether the app runs is the folder's to say\n";
  const std::string fate = ": what becomes of data is the folder's to say\n";
  CHECK(texts(manifest.ignored) ==
        at + "1:1: an image may not say image: an image cannot name the image of the app\n" +  //
            at + "3:14: an image may not say expose[0].publish: ports of the host are the " +
            "folder's to give\n" +  //
            at + "3:37: an image may not say expose[0].domains: host names are the folder's " +
            "to give\n" +  //
            at +
            "4:14: an image may not say expose[1].auth: files with secrets are the folder's to " +
            "give\n" +  //
            at + "4:28: an image may not say expose[1].allow: who may come is the folder's to " +
            "say\n" +  //
            at + "4:39: an image may not say expose[1].redirect: host names are the folder's " +
            "to give\n" +  //
            at + "4:56: an image may not say expose[1].hsts: host names are the folder's to " +
            "give\n" +  //
            at + "5:1: an image may not say mounts: folders of the host are the folder's to " +
            "give\n" +                                                                         //
            at + "6:1: an image may not say after" + when +                                    //
            at + "7:1: an image may not say suspend" + when +                                  //
            at + "8:1: an image may not say reclaim" + fate +                                  //
            at + "9:1: an image may not say resources" + share +                               //
            at + "10:1: an image may not say update" + when +                                  //
            at + "11:1: an image may not say security: an image can only say strict\n" +       //
            at + "13:9: an image may not say secrets.KEY.file: files with secrets are the " +  //
            "folder's to give\n" +                                                             //
            at + "16:14: an image may not say needs[0].database.reclaim" + fate +              //
            at + "16:31: an image may not say needs[0].database.connections_max" + share +     //
            at + "16:54: an image may not say needs[0].database.rotation: credentials are " +  //
            "the folder's to manage\n" +                                                       //
            at + "18:10: an image may not say deploy.replicas" + share +                       //
            at + "20:12: an image may not say processes.worker.replicas" + share +             //
            at + "20:27: an image may not say processes.worker.resources" + share);
  CHECK(manifest.document.value.dump() ==
        R"({"expose":[{"port":80},{"port":81,"timeout":"5m","gzip":false}],)"
        R"("secrets":{"KEY":{},"OWN":{"generate":32}},)"
        R"("needs":[{"database":{}},{"storage":{"path":"/srv"}}],"deploy":{"strategy":"rolling"},)"
        R"("processes":{"worker":{"command":["work"]}}})");
}

TEST_CASE("class 17: an image may say a few processes, and no hundred of them") {
  const auto with = [](int count) {
    std::string text = "processes:\n";
    for (int i = 0; i < count; ++i) text += "  p" + std::to_string(i) + ": {command: [a]}\n";
    return texts(in_image(text).errors);
  };
  CHECK(with(8) == "");
  CHECK(with(9) ==
        "acme/blog:1:/cloud_manifest.yml:1:1: processes: an image may say at most 8, got 9: say "
        "the others in the folder\n");
}

TEST_CASE("an image may ask to be held more strictly") {
  CHECK(in_image("security: strict\n").ignored.empty());
  CHECK(both("", "security: strict\n") == R"({"security":"strict"})");
  CHECK(both("security: standard\n", "security: strict\n") == R"({"security":"standard"})");
}

TEST_CASE("names that look like refused fields are names") {
  const ImageManifest manifest = in_image(
      "labels: {resources: a, deploy.replicas: b}\nenv: {suspend: c}\n"
      "secrets: {a.file: {generate: 32}, file: {generate: 32}}\n"
      "processes: {resources: {command: [a]}, replicas: {command: [b]}}\n");
  CHECK(texts(manifest.ignored) == "");
}

TEST_CASE("every field that an image may say was decided on") {
  std::set<std::string> sayable;
  collect(app_schema().source(), "", sayable);
  const std::set<std::string> process = {
      "command[]",      "entrypoint[]", "env.*",       "health.command[]", "health.disable",
      "health.http",    "health.port",  "health.host", "health.interval",  "health.start_period",
      "health.retries", "restart",      "stop_grace",  "stop_signal",      "tmpfs[]",
      "health.timeout", "user",         "workdir"};
  std::set<std::string> decided = {"name",
                                   "expose[].proto",
                                   "expose[].port",
                                   "expose[].path",
                                   "expose[].body_limit",
                                   "expose[].header_limit",
                                   "expose[].timeout",
                                   "expose[].buffering",
                                   "expose[].gzip",
                                   "needs[]",
                                   "needs[].*.owner",
                                   "needs[].*.path",
                                   "needs[].*.size",
                                   "needs[].*.shared",
                                   "secrets.*.generate",
                                   "secrets.*.as",
                                   "hosts.*",
                                   "labels.*",
                                   "deploy.strategy",
                                   "deploy.deadline",
                                   "deploy.drain"};
  for (const std::string& field : process) {
    decided.insert(field);
    decided.insert("processes.*." + field);
  }
  CHECK(sayable == decided);
}

TEST_CASE("a secret that only the folder can give is demanded of it") {
  const std::string image = "secrets:\n  KEY: {file: key, as: env}\n";
  CHECK(texts(parse_app(laid("", image)).errors) ==
        "acme/blog:1:/cloud_manifest.yml:2:3: secrets.KEY: must have either `file` or "
        "`generate`\n");
  CHECK(texts(parse_app(laid("secrets: {KEY: {file: mine}}\n", image)).errors) == "");
}

TEST_CASE("maps are merged key by key and the folder's key wins") {
  CHECK(both("env: {A: f}\n", "env: {A: i, B: i}\n") == R"({"env":{"B":"i","A":"f"}})");
  CHECK(both("deploy: {drain: 1s}\n", "deploy: {drain: 2s, deadline: 3s}\n") ==
        R"({"deploy":{"deadline":"3s","drain":"1s"}})");
  CHECK(both("processes: {worker: {replicas: 2, env: {A: f}}}\n",
             "processes: {worker: {command: [work], env: {A: i, B: i}}, cron: {command: [c]}}\n") ==
        R"({"processes":{"cron":{"command":["c"]},)"
        R"("worker":{"command":["work"],"replicas":2,"env":{"B":"i","A":"f"}}}})");
}

TEST_CASE("lists are the folder's whole") {
  CHECK(both("expose: [{port: 8080}]\ncommand: [a]\n",
             "expose: [{port: 80}, {port: 81}]\ncommand: [b, c]\ntmpfs: [/tmp]\n") ==
        R"({"tmpfs":["/tmp"],"expose":[{"port":8080}],"command":["a"]})");
  CHECK(both("expose: []\n", "expose: [{port: 80}]\n") == R"({"expose":[]})");
}

TEST_CASE("needs are joined by their word and the folder's settings win") {
  CHECK(both("needs: [database]\n", "needs: [storage, database]\n") ==
        R"({"needs":["database","storage"]})");
  CHECK(both("needs: [{storage: {size: 2G, path: /f}}]\n",
             "needs: [{storage: {path: /i, shared: true}}]\n") ==
        R"({"needs":[{"storage":{"shared":true,"size":"2G","path":"/f"}}]})");
  CHECK(both("needs: [storage]\n", "needs: [{storage: {path: /i}}]\n") ==
        R"({"needs":[{"storage":{"path":"/i"}}]})");
  CHECK(both("needs: [{storage: {path: /f}}]\n", "needs: [storage]\n") ==
        R"({"needs":[{"storage":{"path":"/f"}}]})");
}

TEST_CASE("needs that are none, or stand twice, are reported and not lost") {
  CHECK(texts(parse_app(laid("needs: [databse]\n", "needs: [7, storage, storage]\n")).errors) ==
        "acme/blog:1:/cloud_manifest.yml:1:9: needs[1]: must be one of database, messagebus or "
        "storage or a word, or a map of one word to its settings, got 7\n"
        "acme/blog:1:/cloud_manifest.yml:1:21: needs[3]: storage stands here twice\n"
        "blog.yml:3:9: needs[0]: must be one of database, messagebus or storage, got "
        "\"databse\": did you mean \"database\"?\n");
}

TEST_CASE("where the two disagree on the type of a field the folder's is taken") {
  CHECK(both("env: [A=1]\nneeds: none\nhealth: {interval: 1s}\n",
             "env: {A: i}\nneeds: [database]\nhealth: off\n") ==
        R"({"env":["A=1"],"needs":"none","health":{"interval":"1s"}})");
}

TEST_CASE("a health check is of the folder's kind, with the image's times") {
  const std::string http = "health: {http: /up, port: 81, interval: 2s}\n";
  CHECK(both("health: {command: [true]}\n", http) ==
        R"({"health":{"interval":"2s","command":[true]}})");
  CHECK(both("health: {disable: true}\n", http) ==
        R"({"health":{"interval":"2s","disable":true}})");
  CHECK(both("health: {http: /f}\n", "health: {command: [a], retries: 5}\n") ==
        R"({"health":{"retries":5,"http":"/f"}})");
  CHECK(both("health: {retries: 1}\n", http) ==
        R"({"health":{"http":"/up","port":81,"interval":"2s","retries":1}})");
  CHECK(both("processes: {w: {health: {http: /f, port: 1}}}\n",
             "processes: {w: {health: {command: [a]}}}\n") ==
        R"({"processes":{"w":{"health":{"http":"/f","port":1}}}})");
  CHECK(both("processes: {health: {command: [f]}}\n",
             "processes: {health: {command: [i], user: app}}\n") ==
        R"({"processes":{"health":{"user":"app","command":["f"]}}})");
}

TEST_CASE("a secret is one source, the folder's") {
  CHECK(both("secrets: {K: {file: k}}\n", "secrets: {K: {generate: 32, as: env}}\n") ==
        R"({"secrets":{"K":{"file":"k"}}})");
}

TEST_CASE("a variable and a secret of its name exclude one another, and the folder's stays") {
  CHECK(both("secrets: {K: {file: k, as: env}}\n", "env: {K: i, L: i}\n") ==
        R"({"env":{"L":"i"},"secrets":{"K":{"file":"k","as":"env"}}})");
  CHECK(both("env: {K: f}\nsecrets: {}\n", "secrets: {K: {generate: 32, as: env}}\n") ==
        R"({"env":{"K":"f"},"secrets":{}})");
  CHECK(both("env: {K: f}\n", "secrets: {K: {generate: 32, as: env}, L: {generate: 8}}\n") ==
        R"({"secrets":{"L":{"generate":8}},"env":{"K":"f"}})");
  CHECK(both("env: {K: f}\n", "secrets: {K: {generate: 32}}\n") ==
        R"({"secrets":{"K":{"generate":32}},"env":{"K":"f"}})");
}

TEST_CASE("numbers stay as they are written, in whichever file") {
  const Document document = laid("env: {F: 1.50}\n", "env: {I: 0x1f}\nlabels: {V: 2.0}\n");
  const ParsedApp parsed = parse_app(document);
  REQUIRE(parsed.app);
  CHECK(parsed.app->env.at("F") == "1.50");
  CHECK(parsed.app->env.at("I") == "0x1f");
  CHECK(parsed.app->labels.at("V") == "2.0");
}

TEST_CASE("a number that the folder overrides is not written as in the image") {
  const ParsedApp parsed = parse_app(laid("env: {A: 2}\n", "env: {A: 0x1f}\n"));
  REQUIRE(parsed.app);
  CHECK(parsed.app->env.at("A") == "2");
}

TEST_CASE("every value of a merged document knows its place, whatever its key holds") {
  const Document document = laid(
      "labels: {com.a.b: f}\nneeds: [{storage: {size: 1G}}]\n",
      "labels: {com: i, com.a: i,\n  com.a.b: i}\nneeds: [messagebus,\n  {storage: {path: /i}}]\n");
  CHECK(document.where("labels.com").text() == "acme/blog:1:/cloud_manifest.yml:1:10");
  CHECK(document.where("labels.com.a").text() == "acme/blog:1:/cloud_manifest.yml:1:18");
  CHECK(document.where("labels.com.a.b").text() == "blog.yml:3:10");
  CHECK(document.where("needs[0].storage.size").text() == "blog.yml:4:20");
  CHECK(document.where("needs[0].storage.path").text() == "acme/blog:1:/cloud_manifest.yml:4:14");
  CHECK(document.where("needs[1]").text() == "acme/blog:1:/cloud_manifest.yml:3:9");
}

TEST_CASE("each field tells where it came from") {
  const Document document = laid(R"(env: {APP_ENV: production}
needs: [{database: {rotation: 2}}]
mounts: []
resources: {}
)",
                                 R"(expose:
- {port: 80}
env:
  APP_ENV: local
  LOG: stderr
needs: [storage]
command: [serve]
)");
  CHECK(origins_of(document) ==
        "expose: acme/blog:1:/cloud_manifest.yml:1\n"
        "command: acme/blog:1:/cloud_manifest.yml:7\n"
        "name: blog.yml:1\n"
        "image: blog.yml:2\n"
        "env.LOG: acme/blog:1:/cloud_manifest.yml:5\n"
        "env.APP_ENV: blog.yml:3\n"
        "needs.database: blog.yml:4\n"
        "needs.storage: acme/blog:1:/cloud_manifest.yml:6\n"
        "mounts: blog.yml:5\n"
        "resources: blog.yml:6\n");
}

TEST_CASE("a folder's document that is no map stays as it is") {
  const Document list = in_folder("- a\n");
  CHECK(merged(list, in_image("env: {A: 1}\n").document).value == list.value);
}
