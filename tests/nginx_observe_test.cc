#include <doctest/doctest.h>

#include "providers/nginx/observe.h"
#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"

using namespace fairlead;
using namespace fairlead::nginx;
using namespace std::chrono_literals;

namespace {

// The edge's folder and its nginx, which answer what an observer asks.
struct Edge {
  std::map<std::string, std::string> files;
  std::string says;                                // for GET /generation; empty: nothing listens
  std::string processes = R"({"Processes": []})";  // as the engine lists them
  Platform platform;
  Memory memory;
  Scope scope;
  std::vector<std::string> asked;

  Edge() {
    scope.app = "edge";
    scope.platform = &platform;
    scope.memory = &memory;
    scope.now.steady = 1h;
    scope.place = Place{"10.213.0.2", std::string(64, 'a')};
  }
  void generation(const std::string& id, const std::string& site = "") {
    files[generation_path(id)] =
        site.empty() ? "" : "  include sites/" + site + ".conf;  # 10.0.0.9\n";
  }

  Answer answer(const Call& call) {
    if (const auto* http = std::get_if<HttpCall>(&call)) {
      asked.push_back(http->path);
      if (http->path != "/generation") return {200, processes, ""};
      return says.empty() ? Answer{0, "", "refused"} : Answer{200, says, ""};
    }
    const auto& file = std::get<FileCall>(call);
    asked.push_back(file.path);
    if (file.act == FileCall::Act::read) {
      return files.count(file.path) > 0 ? Answer{200, files[file.path], ""} : Answer{404, "", ""};
    }
    Json list = Json::array();
    for (const auto& [path, text] : files) list.push(path);
    return {200, list.dump(), ""};
  }
  std::shared_ptr<const SeenEdge> look() {
    const auto observer = observe_edge(scope);
    asked.clear();
    std::size_t index = 0;
    for (auto calls = observer->next(); !calls.empty(); calls = observer->next()) {
      for (const Call& call : calls) REQUIRE(observer->take(index++, answer(call)).ok());
    }
    return std::dynamic_pointer_cast<const SeenEdge>(observer->finish().apps.at("edge"));
  }
};

// What was asked, in one line; the folder's list is a dot.
std::string line_of(const std::vector<std::string>& asked) {
  std::string line;
  for (const std::string& path : asked)
    line += (line.empty() ? "" : " ") + (path.empty() ? "." : path);
  return line;
}

struct Serving : Edge {
  Serving() {
    files = {{"current.conf", current_text("1f")}, {"challenges/token", "x"}};
    generation("1f", "blog.b1");
    says = "1.24.0 1f\n";
  }
};

}  // namespace

TEST_CASE("the folder, nginx's generation, and the sites of it") {
  Serving edge;
  const auto seen = edge.look();
  CHECK(line_of(edge.asked) == ". current.conf /generation generation.1f.conf");
  CHECK(seen->current == "1f");
  CHECK(seen->live == "1f");
  CHECK(seen->answers);
  CHECK_FALSE(seen->gone);
  CHECK(seen->version == nginx::Version{1, 24, 0});
  REQUIRE(seen->live_sites());
  CHECK(seen->live_sites()->at("blog") == Included{"b1", {"10.0.0.9"}});
  // What an ACME client put there is nobody's to tidy.
  CHECK(*seen->files == std::set<std::string>{"current.conf", "generation.1f.conf"});
}

TEST_CASE("a generation that was read is not read again") {
  Serving edge;
  const auto before = edge.look();
  edge.scope.before = before.get();
  edge.look();
  CHECK(line_of(edge.asked) == ". current.conf /generation");
}

TEST_CASE("what nginx serves is known also where the file is gone since") {
  Serving edge;
  const auto before = edge.look();
  edge.scope.before = before.get();
  edge.files.clear();
  const auto seen = edge.look();
  CHECK(seen->current == "");
  REQUIRE(seen->live_sites());
  CHECK(seen->live_sites()->count("blog") == 1);
  CHECK_FALSE(seen->lost());
}

TEST_CASE("what nginx serves is lost where its file was never read") {
  Serving edge;
  edge.files.clear();
  const auto seen = edge.look();
  CHECK(seen->live_sites() == nullptr);
  CHECK(seen->lost());
}

TEST_CASE("an nginx that does not answer serves what it served, another one does not") {
  Serving edge;
  const auto before = edge.look();
  edge.scope.before = before.get();
  edge.says.clear();
  CHECK(edge.look()->live == "1f");
  CHECK_FALSE(edge.look()->answers);
  CHECK_FALSE(edge.look()->gone);
  edge.scope.place->instance = std::string(64, 'b');
  CHECK(edge.look()->live == "");
}

TEST_CASE("an nginx that is silent for long, and one that does not run, is gone") {
  Serving edge;
  edge.says.clear();
  const auto first = edge.look();
  edge.scope.before = first.get();
  edge.scope.now.steady += 29s;
  CHECK_FALSE(edge.look()->gone);
  edge.scope.now.steady += 1s;
  CHECK(edge.look()->gone);
  edge.says = "1.24.0 1f\n";
  CHECK_FALSE(edge.look()->gone);
  edge.scope.place.reset();
  CHECK(edge.look()->gone);
}

TEST_CASE("a listing asks for the folder alone and takes nothing for gone") {
  Serving edge;
  edge.scope = Scope();
  const auto seen = edge.look();
  CHECK(line_of(edge.asked) == ". current.conf generation.1f.conf");
  CHECK_FALSE(seen->gone);
  CHECK_FALSE(seen->asked);
}

TEST_CASE("right after a reload nothing is asked but nginx") {
  Serving edge;
  edge.files["current.conf"] = current_text("2f");
  edge.generation("2f");
  const auto before = edge.look();
  CHECK(before->current == "2f");
  CHECK(before->live == "1f");
  edge.scope.before = before.get();
  edge.memory.counters["reload"] = {1, edge.scope.now.steady - 2s};
  edge.look();
  CHECK(line_of(edge.asked) == "/generation");
  edge.memory.counters["reload"] = {1, edge.scope.now.steady - 3s};
  edge.look();
  CHECK(line_of(edge.asked) == ". current.conf /generation");
}

TEST_CASE("a text that is none of ours is no generation") {
  Serving edge;
  for (const char* text : {"events {}\n", "include generation..conf;\n",
                           "include generation.1f/../x.conf;\n", "include generation.1f.conf;"}) {
    CAPTURE(text);
    edge.files["current.conf"] = text;
    CHECK(edge.look()->current == "");
  }
  for (const char* text : {"1.24 1f\n", "hello", "1.24.0 \n"}) {
    CAPTURE(text);
    edge.says = text;
    CHECK_FALSE(edge.look()->answers);
  }
}

TEST_CASE("a folder that cannot be read makes the observation worth nothing") {
  Serving edge;
  const auto observer = observe_edge(edge.scope);
  observer->next();
  CHECK_FALSE(observer->take(0, {500, "", "permission denied"}).ok());
  CHECK_FALSE(observer->take(1, {500, "", "permission denied"}).ok());
}

TEST_CASE("what was rejected is remembered by its notes") {
  Serving edge;
  edge.memory.notes["rejected blog.b1"] = "nginx refuses it";
  edge.memory.notes["other"] = "else";
  CHECK(edge.look()->rejected ==
        std::map<std::string, std::string>{{"blog.b1", "nginx refuses it"}});
}

TEST_CASE("workers of before a reload are counted after every so many reloads") {
  Serving edge;
  edge.processes = R"({"Processes": [["root", "1", "nginx: master process"],
      ["101", "7", "nginx: worker process is shutting down"],
      ["101", "8", "nginx: worker process"],
      ["101", "9", "nginx: worker process is shutting down"]]})";
  edge.memory.counters["reload"] = {15, 0s};
  CHECK(edge.look()->old_workers == 0);
  edge.memory.counters["reload"] = {16, 0s};
  const auto seen = edge.look();
  CHECK(seen->old_workers == 2);
  CHECK(seen->counted_at == 16);
  edge.scope.before = seen.get();
  edge.memory.counters["reload"] = {19, 0s};
  edge.processes = R"({"Processes": []})";
  CHECK(edge.look()->old_workers == 2);
  edge.memory.counters["reload"] = {20, 0s};
  CHECK(edge.look()->old_workers == 0);
}

TEST_CASE("an edge that served is not gone because a list lacks it") {
  Serving edge;
  const auto seen = edge.look();
  edge.scope.before = seen.get();
  edge.scope.place.reset();
  const auto lacking = edge.look();
  CHECK_FALSE(lacking->gone);
  CHECK(lacking->live == "1f");
  edge.scope.before = lacking.get();
  edge.scope.now.steady += 30s;
  CHECK(edge.look()->gone);
}
