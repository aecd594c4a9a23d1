#!/usr/bin/env bash
# Prepare an AWS account for cluster.yaml, once: the store's bucket, a security group, two roles.
#   docs/how-to/cluster/prepare-aws.sh BUCKET REGION SSH_FROM      (SSH_FROM: your address, 198.51.100.7/32)
# Safe to run again: what already exists stays.
set -euo pipefail
bucket=${1:?bucket} region=${2:?region} ssh_from=${3:?your address, such as 198.51.100.7/32}
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=
here=$(cd "$(dirname "$0")" && pwd)
account=$(aws sts get-caller-identity --query Account --output text)
vpc=$(aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId' --output text)
if [ "$vpc" = None ]; then
  echo "error: $region has no default VPC; create one with aws ec2 create-default-vpc --region $region" >&2
  exit 2
fi

once() {
  local said
  if said=$(aws "$@" 2>&1); then
    return
  fi
  case $said in
    *BucketAlreadyOwnedByYou* | *.Duplicate* | *EntityAlreadyExists* | *InstanceSessionsPerInstanceProfile* | *"has been taken"*) ;;
    *)
      echo "$said" >&2
      exit 1
      ;;
  esac
}

if [ "$region" = us-east-1 ]; then # the default, which must not be named
  once s3api create-bucket --bucket "$bucket"
else
  once s3api create-bucket --bucket "$bucket" --create-bucket-configuration "LocationConstraint=$region"
fi
aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
  BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true

once ec2 create-security-group --vpc-id "$vpc" --group-name sweeper --description "Nodes of sweeper"
group=$(aws ec2 describe-security-groups --filters Name=vpc-id,Values="$vpc" Name=group-name,Values=sweeper \
  --query 'SecurityGroups[0].GroupId' --output text)
once ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 22 --cidr "$ssh_from"
once ec2 authorize-security-group-ingress --group-id "$group" --protocol=-1 --source-group "$group"

policy() {
  sed -e "s/BUCKET/$bucket/g" -e "s/REGION/$region/g" -e "s/ACCOUNT/$account/g" -e "s/GROUP/$group/g" "$here/$1"
}
for node in head worker; do
  role=sweeper-$node
  once iam create-role --role-name "$role" --assume-role-policy-document "file://$here/trust-policy.json"
  aws iam put-role-policy --role-name "$role" --policy-name store --policy-document "$(policy worker-policy.json)"
  once iam create-instance-profile --instance-profile-name "$role"
  once iam add-role-to-instance-profile --instance-profile-name "$role" --role-name "$role"
done
aws iam put-role-policy --role-name sweeper-head --policy-name autoscaler --policy-document "$(policy head-policy.json)"

# Spot instances need a service-linked role, which an account has once it has used any.
once iam create-service-linked-role --aws-service-name spot.amazonaws.com
