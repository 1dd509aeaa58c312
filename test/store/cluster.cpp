#include "store/cluster.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "store/cluster_api.h"

extern char** environ;

namespace lpbm::store {
namespace {

ClusterApi api_of(const nlohmann::json& description) {
  ClusterOptions options;
  for (const auto& peer : description["peers"])
    options.addresses.push_back(parse_address(peer["cluster"].get<std::string>(), 9094));
  if (description["ca"].is_string()) options.http.ca_file = description["ca"];
  return ClusterApi(options);
}

std::vector<Pin> pins(ClusterApi& api) {
  return api.pins([](const Pin&) { return true; });
}

}  // namespace

bool cluster_tests_wanted() {
  return std::getenv("LPBM_CLUSTER_TESTS") != nullptr;
}

TestCluster& TestCluster::shared() {
  static TestCluster cluster({"--peers", "3"});
  return cluster;
}

TestCluster::TestCluster(std::vector<std::string> arguments) {
  const std::filesystem::path program(TEST_DATA "/../../../cluster/cluster.py");
  arguments.insert(arguments.begin(), {"python3", program.lexically_normal().string()});
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::vector<char*> words;
  for (std::string& word : arguments) words.push_back(word.data());
  words.push_back(nullptr);
  if (::posix_spawnp(&pid_, "python3", &actions, nullptr, words.data(), environ) != 0)
    throw std::runtime_error("python3 does not start");
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
  description_ = nlohmann::json::parse(read_line());
}

TestCluster::~TestCluster() {
  ::close(input_);  // it ends by itself
  int status = 0;
  ::waitpid(pid_, &status, 0);
  ::close(output_);
}

std::string TestCluster::read_line() {
  std::string out;
  for (char c = 0; ::read(output_, &c, 1) == 1;) {
    if (c == '\n') return out;
    out += c;
  }
  throw std::runtime_error("the cluster does not start; are the daemons there? scripts/daemons builds them");
}

void TestCluster::command(const std::string& line) {
  const std::string text = line + '\n';
  if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error("the cluster is gone");
  const auto answer = nlohmann::json::parse(read_line());
  if (answer.contains("error")) throw std::runtime_error(line + ": " + answer["error"].get<std::string>());
}

Options TestCluster::options(const std::string& site, std::uint64_t part_size) const {
  Options out;
  out.url = description_["store"];
  out.site = site;
  out.part_size = part_size;
  for (const auto& peer : description_["peers"]) out.ipfs_api.push_back(peer["api"]);
  if (description_["ca"].is_string()) out.ca_file = description_["ca"];
  return out;
}

Options TestCluster::options_of(std::size_t peer, const std::string& site) const {
  Options out = options(site);
  out.url = "ipfs+" + description_["peers"][peer]["cluster"].get<std::string>();
  out.ipfs_api = {description_["peers"][peer]["api"]};
  return out;
}

std::vector<std::string> TestCluster::pin_names() const {
  ClusterApi api = api_of(description_);
  std::vector<std::string> out;
  for (const Pin& pin : pins(api)) out.push_back(pin.name);
  return out;
}

void TestCluster::unpin_all() const {
  ClusterApi api = api_of(description_);
  for (const Pin& pin : pins(api)) api.unpin(pin.cid);
}

}  // namespace lpbm::store
