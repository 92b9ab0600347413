#!/usr/bin/env bash
# 一条命令检查并测试整个项目；新克隆的目录里直接运行即可。参数原样交给 pytest，例如 bash run_tests.sh tests/app -k cos
# 有一步失败时其余各步仍会运行，最后以非零退出；pytest 的结束行总在最后。
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

readonly PYTHON=.venv/bin/python
readonly STAMP=.venv/.requirements-dev.sha256
readonly CLUSTER_STAMP=.venv/.requirements-cluster.sha256
# 测试用到的系统软件：包名与它的用处
readonly PACKAGES=(
  "nginx-light:真实的 nginx 与 TLS"
  "postgresql:真实的 PostgreSQL"
  "redis-server:真实的 Redis"
  "chromium:页面测试"
  "fonts-noto-cjk:页面截图里的中文"
  "shellcheck:检查脚本"
  "libespeak-ng1:训练数据的老师"
  "espeak-ng-data:训练数据的老师"
  "curl:粘贴 curl 命令的测试"
  "nodejs:小程序的测试"
  "npm:小程序的测试"
  "testssl.sh:检查 nginx 的 TLS"
  "wrk:压力测试"
  "alsa-utils:真人说话的录音，试着克隆"
)
FAILED=()

say() { printf '%s\n' "$*"; }

step() {
  local name=$1
  shift
  say "== $name"
  if ! "$@"; then FAILED+=("$name"); fi
}

is_there() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# 不是用 apt 装的，但已经有了
is_elsewhere() {
  case $1 in
    nginx-light) [[ -n $(command -v nginx) ]] ;;
    nodejs) [[ -n $(command -v node) ]] ;;
    npm) [[ -n $(command -v npm) ]] ;;
    *) return 1 ;;
  esac
}

install_packages() {
  local entry package
  local -a missing=()
  for entry in "${PACKAGES[@]}"; do
    package=${entry%%:*}
    is_there "$package" || is_elsewhere "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if [[ $(id -u) -ne 0 || -z $(command -v apt-get) ]]; then
    say "没有安装 ${missing[*]}：需要 root 与 apt-get；用到它们的测试会跳过并说明。"
    return 0
  fi
  say "正在安装系统软件：${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
    say "系统软件没有装全（apt-get 失败）；用到它们的测试会跳过并说明。"
}

install_python_packages() {
  local hash
  bash start_app.sh --install-all || exit 1
  hash=$(cat requirements.txt requirements-torch.txt requirements-dev.txt | sha256sum | cut -d ' ' -f 1)
  if [[ ! -f $STAMP || $(<"$STAMP") != "$hash" ]]; then
    say "正在安装测试用的依赖……"
    "$PYTHON" -m pip install --disable-pip-version-check -q -r requirements-dev.txt || exit 1
    printf '%s\n' "$hash" >"$STAMP"
  fi
  hash=$(cat requirements.txt requirements-cluster.txt | sha256sum | cut -d ' ' -f 1)
  if [[ ! -f $CLUSTER_STAMP || $(<"$CLUSTER_STAMP") != "$hash" ]]; then
    say "正在安装集群的依赖……"
    if "$PYTHON" -m pip install --disable-pip-version-check -q -r requirements-cluster.txt; then
      printf '%s\n' "$hash" >"$CLUSTER_STAMP"
    else
      say "集群的依赖（requirements-cluster.txt）没有装上；用到它们的测试会跳过并说明。"
    fi
  fi
}

check_scripts() {
  local -a scripts
  if [[ -z $(command -v shellcheck) ]]; then
    say "没有 shellcheck，跳过脚本检查。"
    return 0
  fi
  mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
  shellcheck "${scripts[@]}"
}

# 小程序：类型、编译是否最新、WXML、单元、组件，以及对真实服务的端到端测试
check_miniprogram() {
  local hash stamp=miniprogram/node_modules/.package-lock.sha256
  if [[ -z $(command -v node) || -z $(command -v npm) ]] || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
    say "没有 Node 20 以上与 npm，跳过小程序的测试。"
    return 0
  fi
  # npm install 而不是 npm ci：锁文件里没有别的平台才用的可选包，npm ci 会因此拒绝；版本仍以锁文件为准
  hash=$(sha256sum miniprogram/package-lock.json | cut -d ' ' -f 1)
  if [[ ! -f $stamp || $(<"$stamp") != "$hash" ]]; then
    say "正在安装小程序测试用的 npm 包……"
    if ! npm install --no-save --prefix miniprogram --no-audit --no-fund --loglevel error; then
      npm ping >/dev/null 2>&1 && return 1
      say "连不上 npm registry，npm 包装不上，跳过小程序的测试。"
      return 0
    fi
    printf '%s\n' "$hash" >"$stamp"
  fi
  npm test --prefix miniprogram
}

main() {
  local status=0
  install_packages
  install_python_packages
  step "ruff format" "$PYTHON" -m ruff format --check .
  step "ruff check" "$PYTHON" -m ruff check .
  step "mypy" "$PYTHON" -m mypy
  step "shellcheck" check_scripts
  if (($#)); then
    say "指定了 pytest 的参数，跳过小程序的测试（单独运行：npm test --prefix miniprogram）。"
  else
    step "小程序" check_miniprogram
  fi
  ((${#FAILED[@]} == 0)) || say "未通过：${FAILED[*]}（详情见上）"
  say "== pytest"
  "$PYTHON" -m pytest "$@" || status=$?
  ((status == 0 && ${#FAILED[@]} == 0)) || exit 1
}

main "$@"
