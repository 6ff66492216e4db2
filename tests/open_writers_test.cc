#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <thread>
#include <utility>
// Asio 1.74 uses std::exchange without including <utility> itself.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "reconciler/live/watcher.h"
#include "tests/temp_folder.h"

// Class 7: a file that a writer has in hand is no manifest yet, however valid the half of it is.
namespace fairlead::live {
namespace {

using std::chrono::milliseconds;
using testing::TempFolder;

// A writer that takes its time: what it has begun ends with it.
class Writer {
 public:
  explicit Writer(const std::string& path, int flags = O_TRUNC)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644)) {
    REQUIRE(fd_.ok());
  }
  void write(const std::string& text) const {
    REQUIRE(::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

 private:
  UniqueFd fd_;
};

// A watcher that looks twice a second even where it is told nothing, and what it says.
struct Watched {
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  CallPool pool{1};
  std::string text = "(nothing yet)";  // of the first file, as read last, or its error
  std::string seen;                    // all of them, in turn
  std::string secret;                  // TOKEN
  std::string warnings;
  std::unique_ptr<Watcher> watcher;

  explicit Watched(const std::string& folder, milliseconds patience = milliseconds(60'000)) {
    Watcher::Options options;
    options.folders.manifests = folder + "/manifests";
    options.folders.secrets = folder + "/secrets";
    options.poll_beside = milliseconds(500);
    options.patience = patience;
    watcher = std::make_unique<Watcher>(
        io, pool, options, [this](std::shared_ptr<const FolderReading> reading) { take(*reading); },
        [this](const std::string& warning) { warnings += warning + "\n"; });
  }
  void take(const FolderReading& reading) {
    const bool any = !reading.files.empty();
    text = !any                    ? "(no file)"
           : reading.files[0].text ? *reading.files[0].text
                                   : reading.files[0].error;
    seen += "[" + text + "]";
    const auto token = reading.secrets.find("TOKEN");
    secret = token == reading.secrets.end() ? "" : token->second.reveal();
  }
  void pass(milliseconds time) { io.run_for(time); }
  bool until(const std::string& wanted) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    while (text != wanted && std::chrono::steady_clock::now() < end) io.run_one_until(end);
    return text == wanted;
  }
};

const std::string half = "name: a\nimage: a:1\n";
const std::string whole = half + "security: strict\n";
const std::string open_text = "is still being written: somebody has it open";

}  // namespace

TEST_CASE("class 7: a file whose writer pauses keeps its text until it is closed") {
  TempFolder folder;
  folder.write("manifests/a.yml", "name: a\nimage: a:0\n");
  folder.write("secrets/TOKEN", "old");
  Watched watched(folder.path());
  REQUIRE(watched.until("name: a\nimage: a:0\n"));
  {
    const Writer writer(folder / "manifests/a.yml");
    const Writer token(folder / "secrets/TOKEN");
    writer.write(half);
    token.write("ne");
    watched.pass(milliseconds(2500));
    CHECK(watched.text == "name: a\nimage: a:0\n");
    CHECK(watched.secret == "old");
    writer.write("security: strict\n");
    token.write("w");
  }
  CHECK(watched.until(whole));
  CHECK(watched.seen == "[name: a\nimage: a:0\n][" + whole + "]");
  CHECK(watched.secret == "new");
  CHECK(watched.warnings == "");
}

TEST_CASE("class 7: a new file is none before it is closed, and who was there before us counts") {
  TempFolder folder;
  folder.write("manifests/.keep", "");
  std::optional<Writer> writer(std::in_place, folder / "manifests/a.yml");
  writer->write(half);
  Watched watched(folder.path());
  REQUIRE(watched.until(open_text));
  watched.pass(milliseconds(1200));
  CHECK(watched.text == open_text);
  writer->write("security: strict\n");
  writer.reset();
  CHECK(watched.until(whole));
  CHECK(watched.seen.find("[" + half + "]") == std::string::npos);
}

TEST_CASE("class 7: a writer that never ends is waited for so long, and then told of once") {
  TempFolder folder;
  folder.write("manifests/a.yml", "name: a\nimage: a:0\n");
  Watched watched(folder.path(), milliseconds(1000));
  REQUIRE(watched.until("name: a\nimage: a:0\n"));
  const Writer writer(folder / "manifests/a.yml");
  writer.write(half);
  watched.pass(milliseconds(600));
  CHECK(watched.text == "name: a\nimage: a:0\n");
  CHECK(watched.until(half));
  watched.pass(milliseconds(1500));
  CHECK(watched.warnings == (folder / "manifests/a.yml") +
                                ": has been open for writing for 1 s, and is read as it is; write "
                                "beside it and rename into place\n");
}

TEST_CASE("class 7: who opens a file while it is read neither fails nor ends us") {
  TempFolder folder;
  folder.write("manifests/a.yml", half);
  Watched watched(folder.path());
  std::thread others([&] {
    for (int i = 0; i < 3000; ++i) Writer(folder / "manifests/a.yml", O_APPEND);
  });
  for (int i = 0; i < 20; ++i) watched.pass(milliseconds(20));
  others.join();
  CHECK(watched.until(half));
}

}  // namespace fairlead::live
