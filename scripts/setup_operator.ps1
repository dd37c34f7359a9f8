#Requires -Version 5.1
# Sets the stack up in the cluster of kubectl's context, on Windows Docker Desktop's, until it is Ready, and says what to
# open. It needs kubectl and docker, which Docker Desktop brings, and no Python; in WSL and on Ubuntu take
# setup_operator.sh. A stack that is there already stays as it is. No parameter is needed:
#   powershell -ExecutionPolicy Bypass -File scripts\setup_operator.ps1
[CmdletBinding()]
param([int] $TimeoutSeconds = 900)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
# What is piped to a program, such as a path with an umlaut, is UTF-8 and begins without a mark.
$OutputEncoding = New-Object System.Text.UTF8Encoding $false
# ASCII only: Windows PowerShell 5.1 reads a file without a mark in the machine's own code page.

$Root = Split-Path -Parent $PSScriptRoot
$Namespace = 'dataalchemy'
$Operator = 'dataalchemy-operator'
$Resource = 'dataalchemystacks.dataalchemy.io'
$DegradedSeconds = 60

# All that ever enters the cluster's Secret; the same list as in resources/cluster_secret.py.
$Keys = @(
    'AWS_ACCESS_KEY_ID'
    'AWS_SECRET_ACCESS_KEY'
    'DATAALCHEMY_KV_PASSWORD'
    'DATAALCHEMY_POSTGRES_PASSWORD'
    'DATAALCHEMY_ALERT_WEBHOOK'
)
# PostgreSQL's data open with the password of their first day alone, so it is given once.
$GivenOnce = 'DATAALCHEMY_POSTGRES_PASSWORD'
$OperatorVariables = @(
    'SERVICE_TYPE'
    'K3D_CLUSTER'
    'DATAALCHEMY_PIPELINES_IMAGE'
    'DATAALCHEMY_MINIO_IMAGE'
    'DATAALCHEMY_CACHE_IMAGE'
    'DATAALCHEMY_POSTGRES_IMAGE'
)
$OwnImages = @{
    'operator'  = 'dataalchemy/operator:0.1.0'
    'pipelines' = 'dataalchemy/pipelines:0.1.0'
    'minio'     = 'dataalchemy/minio:2026-02-12'
}

# A line of .env as python-dotenv reads it: quotes, export, comments, CRLF, = in values.
$EnvLine = '(?m)^[^\S\r\n]*(?:export[^\S\r\n]+)?(?<key>[^=#\s]+)[^\S\r\n]*=[^\S\r\n]*' +
    '(?:''(?<single>(?:\\[\s\S]|[^''\\])*)''|"(?<double>(?:\\[\s\S]|[^"\\])*)"|(?<plain>(?!["''])[^\r\n]*?))' +
    '(?:(?<=\s)#[^\r\n]*|(?<=["''])[^\S\r\n]*#[^\r\n]*)?[^\S\r\n]*\r?$'

function Expand-Variables([string] $Text, [hashtable] $Known) {
    [regex]::Replace($Text, '\$\{([^}:]+)(?::-([^}]*))?\}', {
        param($match)
        $name = $match.Groups[1].Value
        $found = [Environment]::GetEnvironmentVariable($name)
        if (-not $found -and $Known.ContainsKey($name)) { $found = $Known[$name] }
        if ($found) { $found } else { $match.Groups[2].Value }
    }.GetNewClosure())
}

function Expand-Escapes([string] $Text) {
    [regex]::Replace($Text, '\\([\\''"nrt])', {
        param($match)
        switch -CaseSensitive ($match.Groups[1].Value) { 'n' { "`n" } 'r' { "`r" } 't' { "`t" } default { $_ } }
    })
}

function Read-EnvFile([string] $Path) {
    $known = @{}
    if (-not (Test-Path -LiteralPath $Path)) { return $known }
    $text = [System.IO.File]::ReadAllText($Path)
    foreach ($match in [regex]::Matches($text, $EnvLine)) {
        $name = $match.Groups['key'].Value
        if ($match.Groups['single'].Success) {
            $known[$name] = [regex]::Replace($match.Groups['single'].Value, '\\([\\''])', '$1')
        } elseif ($match.Groups['double'].Success) {
            $known[$name] = Expand-Variables (Expand-Escapes ($match.Groups['double'].Value)) $known
        } else {
            $known[$name] = Expand-Variables ($match.Groups['plain'].Value.Trim()) $known
        }
    }
    foreach ($key in $Keys) {
        if (-not $known.ContainsKey($key) -and $text -match "(?m)^\s*(export\s+)?$key\s*=") {
            throw "A line of .env is no setting: $key. Quotes must end, and nothing but a comment may follow them."
        }
    }
    $known
}

function Get-Setting([string] $Name, [hashtable] $Known) {
    $found = [Environment]::GetEnvironmentVariable($Name)
    if ($found) { return $found }
    if ($Known.ContainsKey($Name)) { $Known[$Name] } else { '' }
}

# What kubectl prints. Its input is the second argument, so that no value stands among a process's arguments. Its errors
# go to the screen by themselves: redirected, they would end Windows PowerShell 5.1.
function Invoke-Kubectl([string[]] $Words, [string] $Given) {
    if ($Given) { $said = $Given | & kubectl @Words } else { $said = & kubectl @Words }
    if ($LASTEXITCODE -ne 0) { throw "kubectl $($Words[0]) did not do its work; see above." }
    ($said -join "`n").Trim()
}

function Assert-Programs {
    foreach ($name in 'kubectl', 'docker') {
        if (-not (Get-Command $name -CommandType Application -ErrorAction SilentlyContinue)) {
            throw "$name is not on this machine. Install Docker Desktop and switch Kubernetes on in its settings."
        }
    }
}

# C:\Users\ada as Docker Desktop's node has it: /run/desktop/mnt/host/c/Users/ada
function ConvertTo-MountedPath([string] $Path) {
    if ($Path -notmatch '^([A-Za-z]):[\\/](.*)$') { throw "Not a folder of a drive: $Path" }
    "/run/desktop/mnt/host/$($Matches[1].ToLower())/$($Matches[2].Replace('\', '/').TrimEnd('/'))"
}

# The folder that holds data of an earlier set-up, as the node has it; '' where there is none.
function Find-DataPath([hashtable] $Known) {
    $folder = Get-Setting 'DATAALCHEMY_DATA_PATH' $Known
    if (-not $folder) { $folder = Join-Path $Root 'data' }
    $kept = 'minio_data', 'redis_data' | Where-Object { Test-Path -LiteralPath (Join-Path $folder $_) }
    if (-not $kept) { return '' }
    foreach ($name in 'minio_data', 'redis_data', 'postgres_data') {
        New-Item -ItemType Directory -Force -Path (Join-Path $folder $name) | Out-Null
    }
    ConvertTo-MountedPath (Resolve-Path -LiteralPath $folder).ProviderPath
}

function Get-LiveStack {
    if (-not (Invoke-Kubectl @('get', 'crd', $Resource, '--ignore-not-found', '--output=name'))) { return $null }
    $items = @((Invoke-Kubectl @('get', $Resource, '--all-namespaces', '--output=json') | ConvertFrom-Json).items)
    if ($items.Count -eq 0) { return $null }
    $items[0]
}

function Build-Images([hashtable] $Known) {
    $env:DOCKER_BUILDKIT = '1'
    foreach ($target in $OwnImages.Keys) {
        $image = Get-Setting "DATAALCHEMY_$($target.ToUpper())_IMAGE" $Known
        if (-not $image) { $image = $OwnImages[$target] }
        if ($image.Contains('@') -or (& docker images --quiet $image)) { continue }
        Write-Host "building $image; the first time takes minutes"
        & docker build --target $target --tag $image $Root
        if ($LASTEXITCODE -ne 0) { throw "The image $image could not be built; see above." }
    }
}

function Set-Credentials([string] $Place, [string] $Name, [hashtable] $Known) {
    $there = Invoke-Kubectl @('get', 'secret', $Name, "--namespace=$Place", '--ignore-not-found', '--output=json')
    $data = @{}
    if ($there) {
        $object = $there | ConvertFrom-Json
        if ($object.PSObject.Properties['data']) {
            $object.data.PSObject.Properties | ForEach-Object { $data[$_.Name] = $_.Value }
        }
    }
    $changed = @()
    foreach ($key in $Keys) {
        $value = Get-Setting $key $Known
        if (-not $value) { continue }
        $encoded = [Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($value))
        if ($data[$key] -ceq $encoded -or ($key -eq $GivenOnce -and $data[$key])) { continue }
        $data[$key] = $encoded
        $changed += $key
    }
    if ($changed.Count -eq 0) { return $false }
    $metadata = @{ name = $Name; namespace = $Place; labels = @{ 'app.kubernetes.io/part-of' = 'dataalchemy' } }
    $verb = 'create'
    if ($there) {
        $metadata = $object.metadata
        $verb = 'replace'
    }
    $manifest = @{ apiVersion = 'v1'; kind = 'Secret'; metadata = $metadata; type = 'Opaque'; data = $data }
    Invoke-Kubectl @($verb, '--filename=-') (ConvertTo-Json $manifest -Depth 20 -Compress) | Out-Null
    Write-Host "Secret ${Name}: $($changed -join ', ')"
    $true
}

function Install-Operator([string] $Place, [bool] $Restart, [hashtable] $Known) {
    $settings = @{}
    foreach ($name in $OperatorVariables) {
        $set = Get-Setting $name $Known
        if ($set) { $settings[$name] = $set }
    }
    $version = @(
        'get', 'configmap', $Operator, "--namespace=$Namespace", '--ignore-not-found'
        '--output=jsonpath={.metadata.resourceVersion}'
    )
    $apply = @('apply', '--server-side', '--force-conflicts', '--filename=-')
    $before = Invoke-Kubectl $version
    $ran = Invoke-Kubectl @(
        'get', 'deployment', $Operator, "--namespace=$Namespace", '--ignore-not-found', '--output=name'
    )
    $metadata = @{ name = $Operator; namespace = $Namespace }
    $config = @{ apiVersion = 'v1'; kind = 'ConfigMap'; metadata = $metadata; data = $settings }
    Invoke-Kubectl $apply (ConvertTo-Json $config -Depth 5 -Compress) | Out-Null
    $text = [System.IO.File]::ReadAllText((Join-Path $Root 'k8s\install.yaml'))
    $image = Get-Setting 'DATAALCHEMY_OPERATOR_IMAGE' $Known
    if ($image) { $text = $text.Replace($OwnImages['operator'], $image) }
    if ($Place -ne $Namespace) {
        # A stack that lives elsewhere is served there: its namespace is watched, and the rights are bound in it.
        $text = [regex]::Replace($text, '(?m)^( *)- --namespace=dataalchemy\r?$', "`$0`n`$1- --namespace=$Place")
        $rights = 'dataalchemy-operator-namespace'
        $role = @{ apiGroup = 'rbac.authorization.k8s.io'; kind = 'ClusterRole'; name = $rights }
        $account = @{ kind = 'ServiceAccount'; name = $Operator; namespace = $Namespace }
        $binding = @{
            apiVersion = 'rbac.authorization.k8s.io/v1'; kind = 'RoleBinding'; roleRef = $role; subjects = @($account)
            metadata = @{ name = $Operator; namespace = $Place }
        }
        Invoke-Kubectl $apply (ConvertTo-Json $binding -Depth 5 -Compress) | Out-Null
    }
    Invoke-Kubectl $apply $text | Out-Null
    if ($ran -and ($Restart -or $before -ne (Invoke-Kubectl $version))) {
        Invoke-Kubectl @('rollout', 'restart', "deployment/$Operator", "--namespace=$Namespace") | Out-Null
    }
    Write-Host 'waiting for the operator'
    Invoke-Kubectl @('rollout', 'status', "deployment/$Operator", "--namespace=$Namespace", '--timeout=180s') | Out-Null
}

function New-Stack([string] $DataPath) {
    $text = [System.IO.File]::ReadAllText((Join-Path $Root 'k8s\examples\stack-instance-docker-desktop.yaml'))
    if ($DataPath) {
        Write-Host "data: $DataPath"
        $storage = "  storage:`n    mode: hostPath`n    dataPath: '$($DataPath.Replace('''', ''''''))'"
        $pattern = '(?m)^  storage:\r?\n    mode: pvc\r?\n    size: \w+\r?$'
        $text = [regex]::Replace($text, $pattern, $storage.Replace('$', '$$'))
    } else {
        Write-Host 'data: in claims of the default storage class'
    }
    Invoke-Kubectl @('apply', '--server-side', "--namespace=$Namespace", '--filename=-') $text | Out-Null
}

function Wait-Ready([string] $Place, [string] $Name) {
    $begun = Get-Date
    $degradedSince = $null
    $last = ''
    while ($true) {
        $stack = Invoke-Kubectl @('get', $Resource, $Name, "--namespace=$Place", '--output=json') | ConvertFrom-Json
        $status = $null
        if ($stack.PSObject.Properties['status']) { $status = $stack.status }
        if ($status -and $status.PSObject.Properties['observedGeneration'] -and
            $status.observedGeneration -ge $stack.metadata.generation) {
            $line = "$($status.phase): $($status.message)"
            if ($line -ne $last) { Write-Host $line }
            $last = $line
            $ready = @($status.conditions | Where-Object { $_.type -eq 'Ready' -and $_.status -eq 'True' })
            if ($ready.Count) { return $status }
            if ($status.phase -ne 'Degraded') { $degradedSince = $null }
            elseif (-not $degradedSince) { $degradedSince = Get-Date }
        }
        $late = ((Get-Date) - $begun).TotalSeconds -ge $TimeoutSeconds
        if ($late -or ($degradedSince -and ((Get-Date) - $degradedSince).TotalSeconds -ge $DegradedSeconds)) {
            throw "The stack is not ready. $last"
        }
        Start-Sleep -Seconds 2
    }
}

function Install-Stack {
    Assert-Programs
    $context = Invoke-Kubectl @('config', 'current-context')
    Write-Host "cluster: $context"
    $known = Read-EnvFile (Join-Path $Root '.env')
    if ($context -eq 'docker-desktop') { Build-Images $known }
    $live = Get-LiveStack
    $definition = Join-Path $Root 'k8s\crd.yaml'
    Invoke-Kubectl @('apply', '--server-side', '--force-conflicts', "--filename=$definition") | Out-Null
    Invoke-Kubectl @('wait', '--for=condition=Established', "crd/$Resource", '--timeout=60s') | Out-Null
    $place, $name, $credentials = $Namespace, 'dataalchemy', 'dataalchemy-secret'
    if ($live) {
        $place, $name = $live.metadata.namespace, $live.metadata.name
        $get = 'get', $Resource, $name, "--namespace=$place"
        $dataPath = Invoke-Kubectl ($get + '--output=jsonpath={.spec.storage.dataPath}')
        Write-Host "stack $place/$name stays as it is; data: $(if ($dataPath) { $dataPath } else { 'where they are' })"
        $credentials = Invoke-Kubectl ($get + '--output=jsonpath={.spec.credentialsSecret}')
    }
    $frame = @{ apiVersion = 'v1'; kind = 'Namespace'; metadata = @{ name = $Namespace } }
    if (-not (Invoke-Kubectl @('get', 'namespace', $Namespace, '--ignore-not-found', '--output=name'))) {
        Invoke-Kubectl @('create', '--filename=-') (ConvertTo-Json $frame -Compress) | Out-Null
    }
    $changed = Set-Credentials $place $credentials $known
    Install-Operator $place $changed $known
    if (-not $live) { New-Stack (Find-DataPath $known) }
    $status = Wait-Ready $place $name
    foreach ($one in $status.endpoints.PSObject.Properties) { Write-Host ('open {0,-8} {1}' -f $one.Name, $one.Value) }
}

try {
    Install-Stack
} catch {
    # The message alone: a stack trace would show the line with its arguments.
    [Console]::Error.WriteLine("error: $($_.Exception.Message)")
    exit 1
}
